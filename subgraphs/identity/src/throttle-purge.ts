import type { Clock } from '@weir/kernel/clock';
import type { Database } from '@weir/prisma/database';
import type { Logger } from '@weir/service/logger';
import { LOCKOUT } from './modules/sessions/lockout.ts';
import { purgeRates } from './modules/rate-limits/rate-limits.ts';
import { purgeAddressProofs } from './modules/sign-up/address-proof-store.ts';
import { purgePersonTokens } from './modules/person-tokens/person-tokens.ts';
import { purgeSessions } from './modules/sessions/session-store.ts';
import { createThrottleStore } from './modules/sessions/throttle-store.ts';

const INTERVAL_MS = 10 * 60_000;
/** A row older than this can neither be counting nor locking. */
const KEPT_MS = LOCKOUT.windowMs + LOCKOUT.lockMs;

export interface ThrottlePurgeDeps {
  readonly db: Database;
  readonly clock: Clock;
  readonly log: Logger;
}

/**
 * Anybody can fail to sign in with any address, ask for mails and not come back, so the rows of this are removed once they
 * mean nothing any more. Returns what stops it.
 */
export function startThrottlePurge({ db, clock, log }: ThrottlePurgeDeps): () => void {
  const timer = setInterval(() => {
    const nowMs = clock.now();
    Promise.all([
      createThrottleStore(db).purge(new Date(nowMs - KEPT_MS)),
      purgeRates(db, nowMs),
      purgeAddressProofs(db, nowMs),
      purgePersonTokens(db, nowMs),
      purgeSessions(db, nowMs),
    ]).catch((err: unknown) => {
      log.warn({ err }, 'what strangers have left was not removed');
    });
  }, INTERVAL_MS);
  timer.unref();
  return () => {
    clearInterval(timer);
  };
}
