import type { Prisma } from '@weir/prisma/client';
import type { Db } from '@weir/prisma/database';
import { parseUuid, type Uuid } from '@weir/kernel/ids';
import type { CreationPosition } from '../../creation-order.ts';
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
  impersonationId: true,
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
    impersonationId: row.impersonationId === null ? null : parseUuid(row.impersonationId),
    refreshTokenHash: Buffer.from(row.refreshTokenHash),
    previousTokenHash: row.previousTokenHash && Buffer.from(row.previousTokenHash),
  };
}

export type NewSession = Omit<Session, 'revokedAt' | 'previousTokenHash' | 'rotatedAt' | 'impersonationId'> &
  Partial<Pick<Session, 'impersonationId'>>;

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

    /** Ends the sessions of everybody in an organization. */
    async revokeAllIn(organizationId: Uuid, at: Date): Promise<void> {
      await db.session.updateMany({ where: { organizationId, revokedAt: null }, data: { revokedAt: at } });
    },

    /**
     * Returns how many sessions ended.
     * @param which All, all but one, or those in one organization.
     */
    async revokeAllOf(
      userId: Uuid,
      at: Date,
      which: { readonly but?: Uuid; readonly in?: Uuid } = {},
    ): Promise<number> {
      const { count } = await db.session.updateMany({
        where: {
          userId,
          revokedAt: null,
          expiresAt: { gt: at },
          ...(which.but === undefined ? {} : { id: { not: which.but } }),
          ...(which.in === undefined ? {} : { organizationId: which.in }),
        },
        data: { revokedAt: at },
      });
      return count;
    },

    /** Neither revoked nor expired, the latest first; those that have been idle for too long are among them. */
    async living(
      whose: { readonly userId: Uuid; readonly organizationId?: Uuid },
      now: Date,
      { after, take }: { readonly after: CreationPosition | undefined; readonly take: number },
    ): Promise<Session[]> {
      const rows = await db.session.findMany({
        where: {
          ...whose,
          revokedAt: null,
          expiresAt: { gt: now },
          ...(after === undefined
            ? {}
            : {
                OR: [
                  { createdAt: { lt: after.createdAt } },
                  { createdAt: after.createdAt, id: { lt: after.id } },
                ],
              }),
        },
        select: COLUMNS,
        orderBy: [{ createdAt: 'desc' }, { id: 'desc' }],
        take,
      });
      return rows.map(toSession);
    },

    /** In a transaction: of sessions of one person that begin at the same time, each sees those before it. */
    async lockBeginning(userId: Uuid): Promise<void> {
      await db.$executeRaw`select pg_advisory_xact_lock(hashtextextended(${`identity.sessions:${userId}`}, 0))`;
    },

    /** Ends the oldest of a person in an organization, so that so many remain. */
    async revokeOldest(userId: Uuid, organizationId: Uuid, remaining: number, at: Date): Promise<void> {
      const over = await db.session.findMany({
        where: { userId, organizationId, revokedAt: null, expiresAt: { gt: at } },
        select: { id: true },
        orderBy: [{ createdAt: 'desc' }, { id: 'desc' }],
        skip: remaining,
      });
      if (over.length === 0) return;
      await db.session.updateMany({
        where: { id: { in: over.map(({ id }) => id) } },
        data: { revokedAt: at },
      });
    },

    async moveTo(id: Uuid, organizationId: Uuid): Promise<void> {
      await db.session.updateMany({ where: { id }, data: { organizationId } });
    },
  };
}

/** So long sessions that are over are kept, for those who look into what happened. */
const KEPT_MS = 30 * 24 * 60 * 60_000;
const PURGED_AT_ONCE = 10_000;

/** Forgets sessions that have been over for long. */
export async function purgeSessions(db: Db, nowMs: number): Promise<void> {
  await db.$executeRaw`select identity.purge_sessions(${new Date(nowMs - KEPT_MS)}::timestamptz, ${PURGED_AT_ONCE}::int)`;
}
