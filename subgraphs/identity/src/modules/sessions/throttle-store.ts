import { createHash } from 'node:crypto';
import type { Db } from '@weir/prisma/database';
import type { Throttle } from './lockout.ts';

/** The table keeps hashes: it also holds addresses that nobody here has, and nobody needs to read it. */
function hashOf(email: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(createHash('sha256').update(email).digest());
}

export function createThrottleStore(db: Db) {
  return {
    async read(email: string): Promise<Throttle | undefined> {
      const row = await db.signInThrottle.findUnique({ where: { emailHash: hashOf(email) } });
      return row
        ? {
            failures: row.failures,
            windowStartedAtMs: row.windowStartedAt.getTime(),
            lockedUntilMs: row.lockedUntil?.getTime() ?? null,
          }
        : undefined;
    },

    /** In a transaction: makes others wait who count a failure of the same address. */
    async lock(email: string, nowMs: number): Promise<void> {
      const emailHash = hashOf(email);
      await db.$executeRaw`
        insert into identity.sign_in_throttles (email_hash, failures, window_started_at)
        values (${emailHash}, 0, ${new Date(nowMs)})
        on conflict (email_hash) do update set failures = sign_in_throttles.failures`;
    },

    async write(email: string, throttle: Throttle): Promise<void> {
      await db.signInThrottle.updateMany({
        where: { emailHash: hashOf(email) },
        data: {
          failures: throttle.failures,
          windowStartedAt: new Date(throttle.windowStartedAtMs),
          lockedUntil: throttle.lockedUntilMs === null ? null : new Date(throttle.lockedUntilMs),
        },
      });
    },

    async clear(email: string): Promise<void> {
      await db.signInThrottle.deleteMany({ where: { emailHash: hashOf(email) } });
    },

    /** Forgets what can no longer lock anybody. Returns how many rows went. */
    async purge(windowStartedBefore: Date): Promise<number> {
      const { count } = await db.signInThrottle.deleteMany({
        where: { windowStartedAt: { lt: windowStartedBefore } },
      });
      return count;
    },
  };
}
