import type { SealedSecret } from '@weir/contracts/policy-snapshot';
import { sealedSecretSchema } from '@weir/contracts/policy-snapshot';
import { Prisma } from '@weir/prisma/client';
import type { Db } from '@weir/prisma/database';
import type { Uuid } from '@weir/kernel/ids';
import type { Account } from '../accounts/account.ts';
import { whereWithin as whereWithinAccount } from '../accounts/account-query.ts';
import type { ApiKey } from './api-key.ts';
import { API_KEY_COLUMNS, apiKeyOfRow, rowOfSettings, type ApiKeySettings } from './api-key-record.ts';

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

export interface NewApiKey extends ApiKeySettings {
  readonly id: Uuid;
  readonly organizationId: Uuid;
  readonly accountId: Uuid;
  readonly name: string;
  readonly prefix: string;
  readonly last4: string;
  readonly keyHash: Buffer;
  readonly signingSecret: SealedSecret | null;
  readonly replacesId: Uuid | null;
  readonly lineageId: Uuid | null;
  /** The user who made it; null for a program or the platform. */
  readonly createdBy: Uuid | null;
  readonly createdAt: Date;
}

function whereWithin(top: Account | undefined): Prisma.ApiKeyWhereInput {
  return top ? { account: whereWithinAccount(top) } : {};
}

function whereOf({ organizationId, accountId, within, after }: ApiKeyQuery): Prisma.ApiKeyWhereInput {
  return {
    organizationId,
    AND: [
      accountId ? { accountId } : {},
      whereWithin(within),
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
  const find = async (query: Omit<Prisma.ApiKeyFindManyArgs, 'select'>): Promise<ApiKey[]> => {
    const rows = await db.apiKey.findMany({ ...query, select: API_KEY_COLUMNS });
    return rows.map(apiKeyOfRow);
  };
  return {
    byIds: (ids: readonly Uuid[]) => find({ where: { id: { in: [...ids] } } }),

    async byHash(keyHash: Buffer): Promise<ApiKey | undefined> {
      return (await find({ where: { keyHash: new Uint8Array(keyHash) } })).at(0);
    },

    /** The newest first. */
    list: (query: ApiKeyQuery) =>
      find({ where: whereOf(query), orderBy: [{ createdAt: 'desc' }, { id: 'desc' }], take: query.take }),

    /** Active keys that expire after one instant and at another one at the latest, the soonest first. */
    expiring: (
      organizationId: Uuid,
      within: Account | undefined,
      { after, until, take }: { readonly after: Date; readonly until: Date; readonly take: number },
    ) =>
      find({
        where: {
          organizationId,
          status: 'ACTIVE',
          expiresAt: { gt: after, lte: until },
          ...whereWithin(within),
        },
        orderBy: [{ expiresAt: 'asc' }, { id: 'asc' }],
        take,
      }),

    /** Keys of which somebody was told since, in that order. */
    toldSince: (organizationId: Uuid, since: Date, take: number) =>
      find({
        where: { organizationId, expiryNotifiedAt: { gte: since } },
        orderBy: [{ expiryNotifiedAt: 'asc' }, { id: 'asc' }],
        take,
      }),

    /** An active key that takes over from this one. */
    async successorOf(id: Uuid): Promise<ApiKey | undefined> {
      return (await find({ where: { replacesId: id, status: 'ACTIVE' }, take: 1 })).at(0);
    },

    async insert(key: NewApiKey): Promise<void> {
      const { id, organizationId, accountId, name, prefix, last4, createdBy, createdAt } = key;
      const { replacesId, lineageId } = key;
      await db.apiKey.createMany({
        data: [
          {
            ...rowOfSettings(key),
            ...{ id, organizationId, accountId, name, prefix, last4, createdBy, createdAt },
            ...{ replacesId, lineageId },
            signingSecret: key.signingSecret === null ? Prisma.DbNull : { ...key.signingSecret },
            keyHash: new Uint8Array(key.keyHash),
          },
        ],
      });
    },

    /** The key, kept from changing until the transaction ends. */
    async lock(id: Uuid): Promise<ApiKey | undefined> {
      await db.$executeRaw`select 1 from identity.api_keys where id = ${id}::uuid for no key update`;
      return (await this.byIds([id])).at(0);
    },

    /** @param toldAt When its expiry was told; null has a new expiry told in its time, undefined changes nothing. */
    async update(id: Uuid, settings: ApiKeySettings, toldAt?: Date | null): Promise<void> {
      await db.apiKey.updateMany({
        where: { id },
        data: {
          ...rowOfSettings(settings),
          ...(toldAt === undefined ? {} : { expiryNotifiedAt: toldAt }),
          version: { increment: 1 },
        },
      });
    },

    async signingSecret(id: Uuid): Promise<SealedSecret | null> {
      const row = await db.apiKey.findUnique({ where: { id }, select: { signingSecret: true } });
      return sealedSecretSchema.nullable().parse(row?.signingSecret ?? null);
    },

    async setSigningSecret(id: Uuid, sealed: SealedSecret | null, isRequired: boolean): Promise<void> {
      await db.apiKey.updateMany({
        where: { id },
        data: {
          signingSecret: sealed === null ? Prisma.DbNull : { ...sealed },
          requireSignature: isRequired,
          version: { increment: 1 },
        },
      });
    },

    /** Does nothing to a key that is revoked already, so that the first instant stands. */
    async revoke(id: Uuid, at: Date): Promise<void> {
      await db.apiKey.updateMany({
        where: { id, revokedAt: null },
        data: { status: 'REVOKED', revokedAt: at, version: { increment: 1 } },
      });
    },
  };
}
