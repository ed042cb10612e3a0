import { createHash } from 'node:crypto';
import type { Clock } from '@weir/kernel/clock';
import { AppError } from '@weir/kernel/errors';
import type { Db } from '@weir/prisma/database';
import { networkOf } from './network.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

/** What strangers may ask for, and how often within a window that begins with the first time. */
const RULES = {
  /** Mails to one address, whoever asks for them and why. */
  mailToAddress: { max: 5, windowMs: HOUR_MS },
  /** Sign-ups and mails that one network address asks for. */
  mailFromIp: { max: 30, windowMs: HOUR_MS },
  /** Tokens that one network address presents: enough for people, nothing for guessing. */
  tokenFromIp: { max: 60, windowMs: HOUR_MS },
  /** Wrong passwords, codes and refresh tokens that come from one network address, whomever they are tried on. */
  failureFromIp: { max: 100, windowMs: 15 * MINUTE_MS },
  /** Exchanges of one session's tokens: what no client needs. */
  refreshOfSession: { max: 60, windowMs: MINUTE_MS },
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
  /**
   * Counts nothing: for what is counted only when it fails.
   * @throws AppError RATE_LIMITED when the subject has used up what it may.
   */
  check(rule: RateRule, subject: string | null): Promise<void>;
}

/** Subjects are kept as hashes: they include addresses that nobody here has. */
function hashOf(rule: RateRule, subject: string): Uint8Array<ArrayBuffer> {
  const counted = rule.endsWith('FromIp') ? networkOf(subject) : subject;
  return new Uint8Array(createHash('sha256').update(`${rule}:${counted}`).digest());
}

function tooOften(startedAt: Date, windowMs: number, nowMs: number): AppError {
  const retryAfterSeconds = Math.max(1, Math.ceil((startedAt.getTime() + windowMs - nowMs) / 1_000));
  return new AppError('RATE_LIMITED', 'This was asked for too often. Try again later.', {
    retryAfterSeconds,
  });
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
      throw tooOften(row.startedAt, windowMs, nowMs);
    },

    async check(rule, subject) {
      if (subject === null) return;
      const { max, windowMs } = RULES[rule];
      const nowMs = clock.now();
      const row = await db.requestRate.findUnique({ where: { subject: hashOf(rule, subject) } });
      if (row === null || row.requests < max || row.windowStartedAt.getTime() <= nowMs - windowMs) return;
      throw tooOften(row.windowStartedAt, windowMs, nowMs);
    },
  };
}

/** Forgets what counts nothing any more. */
export async function purgeRates(db: Db, nowMs: number): Promise<void> {
  await db.requestRate.deleteMany({ where: { windowStartedAt: { lt: new Date(nowMs - RATES_KEPT_MS) } } });
}
