import { OAUTH_SCOPES } from '@weir/contracts/oauth-token';
import type { Prisma } from '@weir/prisma/client';
import type { Db } from '@weir/prisma/database';
import { parseUuid, type Uuid } from '@weir/kernel/ids';
import type { OAuthClient } from './oauth-client.ts';

const COLUMNS = {
  id: true,
  organizationId: true,
  name: true,
  scopes: true,
  secretVersion: true,
  createdBy: true,
  createdAt: true,
  revokedAt: true,
} as const;

type Row = Prisma.OAuthClientGetPayload<{ select: typeof COLUMNS }>;

/** A scope that this version does not know grants nothing. */
function toClient(row: Row): OAuthClient {
  return {
    ...row,
    id: parseUuid(row.id),
    organizationId: parseUuid(row.organizationId),
    createdBy: parseUuid(row.createdBy),
    scopes: OAUTH_SCOPES.filter((scope) => row.scopes.includes(scope)),
  };
}

export function createOAuthClientStore(db: Db) {
  return {
    /** Those that work, oldest first. */
    async activeOf(organizationId: Uuid): Promise<OAuthClient[]> {
      const rows = await db.oAuthClient.findMany({
        where: { organizationId, revokedAt: null },
        select: COLUMNS,
        orderBy: [{ createdAt: 'asc' }, { id: 'asc' }],
      });
      return rows.map(toClient);
    },

    async byId(id: Uuid): Promise<OAuthClient | undefined> {
      const row = await db.oAuthClient.findUnique({ where: { id }, select: COLUMNS });
      return row ? toClient(row) : undefined;
    },

    async secretHashOf(id: Uuid): Promise<Buffer | undefined> {
      const row = await db.oAuthClient.findUnique({ where: { id }, select: { secretHash: true } });
      return row ? Buffer.from(row.secretHash) : undefined;
    },

    async insert(client: Omit<OAuthClient, 'revokedAt'>, secretHash: Buffer): Promise<void> {
      await db.oAuthClient.createMany({
        data: [{ ...client, scopes: [...client.scopes], secretHash: new Uint8Array(secretHash) }],
      });
    },

    /** Tokens of the former secret end with it. */
    async replaceSecret(id: Uuid, secretHash: Buffer): Promise<void> {
      await db.oAuthClient.updateMany({
        where: { id, revokedAt: null },
        data: { secretHash: new Uint8Array(secretHash), secretVersion: { increment: 1 } },
      });
    },

    async revoke(id: Uuid, at: Date): Promise<void> {
      await db.oAuthClient.updateMany({ where: { id, revokedAt: null }, data: { revokedAt: at } });
    },
  };
}
