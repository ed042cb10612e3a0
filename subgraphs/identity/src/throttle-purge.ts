import type { Clock } from '@weir/kernel/clock';
import type { Database } from '@weir/prisma/database';
import type { Logger } from '@weir/service/logger';
import { LOCKOUT } from './modules/sessions/lockout.ts';
import { createThrottleStore } from './modules/sessions/throttle-store.ts';

const INTERVAL_MS = 10 * 60_000;
/** A row older than this can neither be counting nor locking. */
const KEPT_MS = LOCKOUT.windowMs + LOCKOUT.lockMs;

export interface ThrottlePurgeDeps {
  readonly db: Database;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Anybody can fail to sign in with any address, so the rows of old failures are removed. Returns what stops it. */
export function startThrottlePurge({ db, clock, log }: ThrottlePurgeDeps): () => void {
  const timer = setInterval(() => {
    createThrottleStore(db)
      .purge(new Date(clock.now() - KEPT_MS))
      .catch((err: unknown) => {
        log.warn({ err }, 'old failures to sign in were not removed');
      });
  }, INTERVAL_MS);
  timer.unref();
  return () => {
    clearInterval(timer);
  };
}
