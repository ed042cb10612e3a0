import type { Prisma } from '@weir/prisma/client';
import type { Db } from '@weir/prisma/database';
import { parseUuid, type Uuid } from '@weir/kernel/ids';
import type { Session } from './session.ts';

const COLUMNS = {
  id: true,
  userId: true,
  organizationId: true,
  refreshTokenHash: true,
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
  };
}

export interface NewSession extends Omit<Session, 'revokedAt'> {
  readonly ip: string | null;
  readonly userAgent: string | null;
}

export function createSessionStore(db: Db) {
  return {
    async byId(id: Uuid): Promise<Session | undefined> {
      const row = await db.session.findUnique({ where: { id }, select: COLUMNS });
      return row ? toSession(row) : undefined;
    },

    async insert(session: NewSession): Promise<void> {
      await db.session.createMany({
        data: [{ ...session, refreshTokenHash: new Uint8Array(session.refreshTokenHash) }],
      });
    },

    /** False when somebody else exchanged the same refresh token first. */
    async rotate(id: Uuid, from: Buffer, to: Buffer, expiresAt: Date): Promise<boolean> {
      const { count } = await db.session.updateMany({
        where: { id, refreshTokenHash: new Uint8Array(from), revokedAt: null },
        data: { refreshTokenHash: new Uint8Array(to), expiresAt },
      });
      return count === 1;
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
