import { createHash } from 'node:crypto';
import type { Clock } from '@weir/kernel/clock';
import { AppError } from '@weir/kernel/errors';
import type { Db } from '@weir/prisma/database';

const HOUR_MS = 60 * 60_000;

/** What strangers may ask for, and how often within a window that begins with the first time. */
const RULES = {
  /** Mails to one address, whoever asks for them and why. */
  mailToAddress: { max: 5, windowMs: HOUR_MS },
  /** Sign-ups and mails that one network address asks for. */
  mailFromIp: { max: 30, windowMs: HOUR_MS },
  /** Tokens that one network address presents: enough for people, nothing for guessing. */
  tokenFromIp: { max: 60, windowMs: HOUR_MS },
} as const satisfies Readonly<Record<string, { readonly max: number; readonly windowMs: number }>>;

export type RateRule = keyof typeof RULES;

/** Rows older than this count nothing any more. */
export const RATES_KEPT_MS = HOUR_MS;

export interface RateLimits {
  /**
   * Counts one request of a subject (an address of mail or network), whether or not anybody has it. Null is nobody.
   * @throws AppError RATE_LIMITED with the time after which the window is over.
   */
  count(rule: RateRule, subject: string | null): Promise<void>;
}

/** Subjects are kept as hashes: they include addresses that nobody here has. */
function hashOf(rule: RateRule, subject: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(createHash('sha256').update(`${rule}:${subject}`).digest());
}

export function createRateLimits({ db, clock }: { readonly db: Db; readonly clock: Clock }): RateLimits {
  return {
    async count(rule, subject) {
      if (subject === null) return;
      const { max, windowMs } = RULES[rule];
      const nowMs = clock.now();
      const now = new Date(nowMs);
      const over = new Date(nowMs - windowMs);
      const [row] = await db.$queryRaw<{ requests: number; startedAt: Date }[]>`
        insert into identity.request_rates as r (subject, requests, window_started_at)
        values (${hashOf(rule, subject)}, 1, ${now})
        on conflict (subject) do update set
          requests = case when r.window_started_at <= ${over} then 1 else least(r.requests + 1, 1000000) end,
          window_started_at = case when r.window_started_at <= ${over} then ${now} else r.window_started_at end
        returning requests, window_started_at as "startedAt"`;
      if (row === undefined || row.requests <= max) return;
      const retryAfterSeconds = Math.max(1, Math.ceil((row.startedAt.getTime() + windowMs - nowMs) / 1_000));
      throw new AppError('RATE_LIMITED', 'This was asked for too often. Try again later.', {
        retryAfterSeconds,
      });
    },
  };
}

/** Forgets what counts nothing any more. */
export async function purgeRates(db: Db, nowMs: number): Promise<void> {
  await db.requestRate.deleteMany({ where: { windowStartedAt: { lt: new Date(nowMs - RATES_KEPT_MS) } } });
}
