import type { Prisma } from '@weir/prisma/client';
import type { Db } from '@weir/prisma/database';
import { parseUuid, type Uuid } from '@weir/kernel/ids';
import type { Session } from './session.ts';

const COLUMNS = {
  id: true,
  userId: true,
  organizationId: true,
  refreshTokenHash: true,
  previousTokenHash: true,
  rotatedAt: true,
  createdAt: true,
  lastUsedAt: true,
  ip: true,
  userAgent: true,
  expiresAt: true,
  revokedAt: true,
} as const;

type Row = Prisma.SessionGetPayload<{ select: typeof COLUMNS }>;

function toSession(row: Row): Session {
  return {
    ...row,
    id: parseUuid(row.id),
    userId: parseUuid(row.userId),
    organizationId: row.organizationId === null ? null : parseUuid(row.organizationId),
    refreshTokenHash: Buffer.from(row.refreshTokenHash),
    previousTokenHash: row.previousTokenHash && Buffer.from(row.previousTokenHash),
  };
}

export type NewSession = Omit<Session, 'revokedAt' | 'previousTokenHash' | 'rotatedAt'>;

export interface Rotation {
  readonly refreshTokenHash: Buffer;
  readonly previousTokenHash: Buffer;
  readonly at: Date;
  readonly expiresAt: Date;
  readonly ip: string | null;
  readonly userAgent: string | null;
}

const bytes = (hash: Buffer): Uint8Array<ArrayBuffer> => new Uint8Array(hash);

export function createSessionStore(db: Db) {
  return {
    async byId(id: Uuid): Promise<Session | undefined> {
      const row = await db.session.findUnique({ where: { id }, select: COLUMNS });
      return row ? toSession(row) : undefined;
    },

    async insert(session: NewSession): Promise<void> {
      await db.session.createMany({
        data: [{ ...session, refreshTokenHash: bytes(session.refreshTokenHash) }],
      });
    },

    /** In a transaction: makes others wait who exchange a token of the same session. */
    async lock(id: Uuid): Promise<void> {
      await db.$executeRaw`select 1 from identity.sessions where id = ${id}::uuid for update`;
    },

    async rotate(id: Uuid, { at, expiresAt, ip, userAgent, ...hashes }: Rotation): Promise<void> {
      await db.session.updateMany({
        where: { id, revokedAt: null },
        data: {
          refreshTokenHash: bytes(hashes.refreshTokenHash),
          previousTokenHash: bytes(hashes.previousTokenHash),
          rotatedAt: at,
          lastUsedAt: at,
          expiresAt,
          ip,
          userAgent,
        },
      });
    },

    /** Of requests at the same time one writes. */
    async noteUse(id: Uuid, at: Date, unlessAfter: Date): Promise<void> {
      await db.session.updateMany({
        where: { id, lastUsedAt: { lte: unlessAfter } },
        data: { lastUsedAt: at },
      });
    },

    /** Returns how many sessions ended; a session that has ended already keeps its instant. */
    async revoke(id: Uuid, at: Date): Promise<number> {
      const { count } = await db.session.updateMany({
        where: { id, revokedAt: null },
        data: { revokedAt: at },
      });
      return count;
    },

    /** Returns how many sessions ended. */
    async revokeAllOf(userId: Uuid, at: Date): Promise<number> {
      const { count } = await db.session.updateMany({
        where: { userId, revokedAt: null, expiresAt: { gt: at } },
        data: { revokedAt: at },
      });
      return count;
    },
  };
}
