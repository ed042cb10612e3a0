import type { Prisma } from '@weir/prisma/client';
import type { Db } from '@weir/prisma/database';
import { parseUuid, type Uuid } from '@weir/kernel/ids';
import { dnaBelow, type Account } from '../accounts/account.ts';
import type { ApiKey } from './api-key.ts';
import { isScope } from './scope.ts';

const COLUMNS = {
  id: true,
  organizationId: true,
  accountId: true,
  name: true,
  prefix: true,
  last4: true,
  scopes: true,
  revokedAt: true,
  expiresAt: true,
  disconnectPolicy: true,
  createdAt: true,
} as const;

type Row = Prisma.ApiKeyGetPayload<{ select: typeof COLUMNS }>;

function toApiKey(row: Row): ApiKey {
  return {
    ...row,
    id: parseUuid(row.id),
    organizationId: parseUuid(row.organizationId),
    accountId: parseUuid(row.accountId),
    // A scope that this version does not know permits nothing.
    scopes: row.scopes.filter(isScope),
    disconnectPolicy: row.disconnectPolicy === 'DRAIN' ? 'DRAIN' : 'ABORT',
  };
}

/** A position in the order of creation, the newest first. */
export interface ApiKeyPosition {
  readonly createdAt: Date;
  readonly id: Uuid;
}

export interface ApiKeyQuery {
  readonly organizationId: Uuid;
  /** Only keys of this very account. */
  readonly accountId: Uuid | undefined;
  /** Only keys of this account and of accounts below it. */
  readonly within: Account | undefined;
  readonly after: ApiKeyPosition | undefined;
  readonly take: number;
}

export interface NewApiKey extends Omit<ApiKey, 'revokedAt'> {
  readonly keyHash: Buffer;
  /** The user who made it; null for a program or the platform. */
  readonly createdBy: Uuid | null;
}

function whereOf(query: ApiKeyQuery): Prisma.ApiKeyWhereInput {
  const { within, after } = query;
  return {
    organizationId: query.organizationId,
    AND: [
      query.accountId ? { accountId: query.accountId } : {},
      within ? { account: { OR: [{ id: within.id }, { dna: { startsWith: dnaBelow(within) } }] } } : {},
      after
        ? {
            OR: [
              { createdAt: { lt: after.createdAt } },
              { createdAt: after.createdAt, id: { lt: after.id } },
            ],
          }
        : {},
    ],
  };
}

export function createApiKeyStore(db: Db) {
  return {
    async byIds(ids: readonly Uuid[]): Promise<ApiKey[]> {
      const rows = await db.apiKey.findMany({ where: { id: { in: [...ids] } }, select: COLUMNS });
      return rows.map(toApiKey);
    },

    async byHash(keyHash: Buffer): Promise<ApiKey | undefined> {
      const row = await db.apiKey.findUnique({
        where: { keyHash: new Uint8Array(keyHash) },
        select: COLUMNS,
      });
      return row ? toApiKey(row) : undefined;
    },

    /** The newest first. */
    async list(query: ApiKeyQuery): Promise<ApiKey[]> {
      const rows = await db.apiKey.findMany({
        where: whereOf(query),
        select: COLUMNS,
        orderBy: [{ createdAt: 'desc' }, { id: 'desc' }],
        take: query.take,
      });
      return rows.map(toApiKey);
    },

    async insert(key: NewApiKey): Promise<void> {
      await db.apiKey.createMany({
        data: [{ ...key, scopes: [...key.scopes], keyHash: new Uint8Array(key.keyHash) }],
      });
    },

    /** Does nothing to a key that is revoked already, so that the first instant stands. */
    async revoke(id: Uuid, at: Date): Promise<void> {
      await db.apiKey.updateMany({
        where: { id, status: 'ACTIVE' },
        data: { status: 'REVOKED', revokedAt: at },
      });
    },
  };
}
