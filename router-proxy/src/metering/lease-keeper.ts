import type { CounterStore } from '@weir/counters/contract';
import type { Clock } from '@weir/kernel/clock';
import type { Uuid } from '@weir/kernel/ids';
import type { Logger } from '@weir/service/logger';
import type { LedgerWriter } from './ledger-writer.ts';
import type { LiveAttempt, LiveAttempts } from './live-attempts.ts';
import type { MeteringMetrics } from './metrics.ts';
import type { Settler } from './settler.ts';

/**
 * Keeps the counter store's knowledge of this process's attempts true: renews leases at half of their life, notices
 * by the epochs that the store was flushed, and then tells it everything again.
 */
export interface LeaseKeeper {
  /** One look at the epochs and at the leases that are due; never rejects. Runs once at a time. */
  tick(): Promise<void>;
}

export interface LeaseKeeperOptions {
  readonly store: CounterStore;
  readonly live: LiveAttempts;
  readonly settler: Settler;
  readonly writer: LedgerWriter;
  readonly clock: Clock;
  readonly metrics: MeteringMetrics;
  readonly log: Logger;
}

const KNOWN_EPOCHS_MAX = 10_000;
const REASSERT_AT_ONCE = 64;
const RENEW_AT_ONCE = 500;

export function createLeaseKeeper(options: LeaseKeeperOptions): LeaseKeeper {
  const { store, live, settler, writer, clock, metrics, log } = options;
  /** The last epoch in which every live attempt of the organization was known to the store. */
  const known = new Map<Uuid, string | null>();
  let isRunning = false;
  let isStoreAway = false;

  const reassert = async (attempts: readonly LiveAttempt[]): Promise<void> => {
    for (let from = 0; from < attempts.length; from += REASSERT_AT_ONCE) {
      const batch = attempts.slice(from, from + REASSERT_AT_ONCE);
      await Promise.all(batch.map((attempt) => store.reassert(attempt.admission, attempt.outputCap)));
    }
    metrics.reasserted.inc(attempts.length);
    // A close that came meanwhile was settled against a store that did not know the attempt.
    for (const { settlement } of attempts) if (settlement) settler.settle(settlement);
  };

  const renew = async (organizationId: Uuid, attempts: readonly LiveAttempt[]): Promise<void> => {
    for (let from = 0; from < attempts.length; from += RENEW_AT_ONCE) {
      const batch = attempts.slice(from, from + RENEW_AT_ONCE);
      const leaseMs = Math.max(...batch.map((attempt) => attempt.admission.leaseMs));
      const ids = batch.map((attempt) => attempt.intent.attemptId);
      const lost = new Set(await store.renew(organizationId, ids, leaseMs));
      const nowMs = clock.now();
      for (const attempt of batch) attempt.renewAtMs = nowMs + attempt.admission.leaseMs / 2;
      if (lost.size > 0) await reassert(batch.filter((attempt) => lost.has(attempt.intent.attemptId)));
    }
  };

  const followEpoch = async (organizationId: Uuid, epoch: string | null): Promise<void> => {
    const attempts = live.of(organizationId);
    const before = known.get(organizationId);
    if (before === undefined) {
      // Attempts may have been admitted in an epoch before this first look; the store tells which it knows.
      await renew(organizationId, attempts);
    } else if (before !== epoch || epoch === null) {
      log.warn({ organizationId, attempts: attempts.length }, 'counters were lost, telling them again');
      // Postgres is read for the seed as soon as proxies had the time to do this.
      writer.flush();
      await reassert(attempts);
    } else return;
    remember(organizationId, epoch);
  };

  const remember = (organizationId: Uuid, epoch: string | null): void => {
    known.delete(organizationId);
    known.set(organizationId, epoch);
    if (known.size <= KNOWN_EPOCHS_MAX) return;
    for (const oldest of known.keys()) {
      known.delete(oldest);
      return;
    }
  };

  const renewDue = async (organizations: readonly Uuid[]): Promise<void> => {
    const nowMs = clock.now();
    for (const organizationId of organizations) {
      const due = live
        .of(organizationId)
        .filter((attempt) => attempt.renewAtMs <= nowMs && !attempt.settlement);
      if (due.length > 0) await renew(organizationId, due);
    }
  };

  const run = async (): Promise<void> => {
    await settler.retry();
    const organizations = live.organizations();
    if (organizations.length === 0) return;
    const epochs = await store.epochs(organizations);
    if (isStoreAway) {
      // While it was away others admitted in its place; it is told what it does not know.
      for (const organizationId of organizations) known.delete(organizationId);
      isStoreAway = false;
    }
    for (const [organizationId, epoch] of epochs) await followEpoch(organizationId, epoch);
    await renewDue(organizations);
  };

  return {
    async tick() {
      if (isRunning) return;
      isRunning = true;
      try {
        await run();
      } catch (err) {
        metrics.storeFailures.inc();
        if (!isStoreAway) log.warn({ err }, 'counter store does not answer');
        isStoreAway = true;
      } finally {
        isRunning = false;
      }
    },
  };
}
