import type { Clock } from '@weir/kernel/clock';
import type { Database } from '@weir/prisma/database';
import type { Logger } from '@weir/service/logger';

const INTERVAL_MS = 5 * 60_000;
/** How long before its expiry a key is told of. */
const NOTICE_MS = 7 * 86_400_000;
/** Told in one transaction; the policies of their organizations wait for it. */
const BATCH = 500;

export interface ExpiryNoticesDeps {
  readonly db: Database;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Tells, once each, which keys are about to expire, whoever's they are. Returns how many there were. */
export async function tellExpiringKeys({ db, clock }: Omit<ExpiryNoticesDeps, 'log'>): Promise<number> {
  let told = 0;
  for (;;) {
    const nowMs = clock.now();
    const [batch] = await db.$queryRaw<{ count: number }[]>`
      select identity.tell_expiring_keys(${new Date(nowMs)}::timestamptz, ${new Date(nowMs + NOTICE_MS)}::timestamptz, ${BATCH}::int) as count`;
    told += batch?.count ?? 0;
    if ((batch?.count ?? 0) < BATCH) return told;
  }
}

/** Every few minutes. Of several processes one tells; see the function in the database. Returns what stops it. */
export function startExpiryNotices(deps: ExpiryNoticesDeps): () => void {
  const run = (): void => {
    tellExpiringKeys(deps).catch((err: unknown) => {
      deps.log.warn({ err }, 'keys that are about to expire were not told of');
    });
  };
  const timer = setInterval(run, INTERVAL_MS);
  timer.unref();
  run();
  return () => {
    clearInterval(timer);
  };
}
