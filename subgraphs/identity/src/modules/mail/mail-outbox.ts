import type { SealedSecret } from '@weir/contracts/policy-snapshot';
import { parseUuid, type Uuid } from '@weir/kernel/ids';
import type { Db } from '@weir/prisma/database';

/** A mail that one process has taken for a while to send. */
export interface ClaimedMail {
  readonly id: Uuid;
  readonly kind: string;
  readonly ciphertext: string;
  readonly nonce: string;
  /** This one included. */
  readonly attempts: number;
  readonly createdAt: Date;
}

interface Row extends Omit<ClaimedMail, 'id'> {
  readonly id: string;
}

export function createMailOutbox(db: Db) {
  return {
    /** Whoever delivers hears of it with the commit. */
    async insert(id: Uuid, kind: string, sealed: SealedSecret, at: Date): Promise<void> {
      const { ciphertext, nonce } = sealed;
      await db.mailOutbox.createMany({
        data: [{ id, kind, ciphertext, nonce, createdAt: at, nextAttemptAt: at }],
      });
      await db.$executeRaw`select pg_notify('mail', '{}')`;
    },

    /**
     * Takes mails that are due, so that no other process does before `until`: whoever dies meanwhile leaves them to
     * the next.
     */
    async claim(now: Date, until: Date, atMost: number): Promise<ClaimedMail[]> {
      const rows = await db.$queryRaw<Row[]>`
        update identity.mail_outbox m
        set attempts = m.attempts + 1, next_attempt_at = ${until}
        where m.id in (
          select c.id from identity.mail_outbox c
          where c.status = 'QUEUED' and c.next_attempt_at <= ${now}
          order by c.next_attempt_at limit ${atMost}
          for update skip locked
        )
        returning m.id, m.kind, m.ciphertext, m.nonce, m.attempts, m.created_at as "createdAt"`;
      return rows.map((row) => ({ ...row, id: parseUuid(row.id) }));
    },

    async delivered(id: Uuid): Promise<void> {
      await db.mailOutbox.deleteMany({ where: { id } });
    },

    async failedOnce(id: Uuid, lastError: string, nextAttemptAt: Date): Promise<void> {
      await db.mailOutbox.updateMany({ where: { id }, data: { lastError, nextAttemptAt } });
    },

    /** The row stays, to be seen; what the mail said goes. */
    async givenUp(id: Uuid, lastError: string): Promise<void> {
      await db.mailOutbox.updateMany({
        where: { id },
        data: { status: 'FAILED', lastError, ciphertext: null, nonce: null },
      });
    },

    /** Forgets mails that were given up. Returns how many rows went. */
    async purge(createdBefore: Date): Promise<number> {
      const { count } = await db.mailOutbox.deleteMany({
        where: { status: 'FAILED', createdAt: { lt: createdBefore } },
      });
      return count;
    },
  };
}
