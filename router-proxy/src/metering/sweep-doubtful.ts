import type { CounterStore } from '@weir/counters/contract';
import type { Clock } from '@weir/kernel/clock';
import type { Uuid } from '@weir/kernel/ids';
import type { LedgerClient, OpenReference } from './ledger-client.ts';
import type { LiveAttempts } from './live-attempts.ts';
import type { ProvisionalCloser } from './provisional.ts';

/**
 * Finds intents that stay open although no proxy streams them any more: their record in the counter store was lost
 * together with their proxy, or was settled by a proxy that died before it wrote the close. A running attempt holds a
 * lease there, because its proxy renews it or tells it again. So an attempt is given up when it was seen without one
 * twice, a whole lease apart.
 */
export interface DoubtfulSweep {
  /** Rejects when Postgres or the store is away. */
  run(): Promise<void>;
}

export interface DoubtfulSweepOptions {
  readonly store: CounterStore;
  readonly ledger: LedgerClient;
  readonly closer: ProvisionalCloser;
  readonly live: LiveAttempts;
  readonly clock: Clock;
  readonly leaseMs: number;
}

const ROWS = 500;
const PAGES_MAX = 20;
const FIRST_ID = '00000000-0000-0000-0000-000000000000' as Uuid;

export function createDoubtfulSweep(options: DoubtfulSweepOptions): DoubtfulSweep {
  const { store, ledger, closer, live, clock, leaseMs } = options;
  /** Since when an attempt is without a lease, as far as this process saw it; Unix milliseconds. */
  let missing = new Map<Uuid, number>();

  const list = async (): Promise<readonly OpenReference[]> => {
    const all: OpenReference[] = [];
    let after = FIRST_ID;
    for (let page = 0; page < PAGES_MAX; page++) {
      const rows = await ledger.doubtful(2 * leaseMs, after, ROWS);
      all.push(...rows);
      const last = rows.at(-1);
      if (!last || rows.length < ROWS) break;
      after = last.attemptId;
    }
    return all.filter(({ organizationId, attemptId }) => !live.get(organizationId, attemptId));
  };

  return {
    async run() {
      const open = await list();
      const nowMs = clock.now();
      const next = new Map<Uuid, number>();
      const givenUp: OpenReference[] = [];
      for (const [organizationId, attempts] of Map.groupBy(open, (attempt) => attempt.organizationId)) {
        const ids = attempts.map((attempt) => attempt.attemptId);
        const leased = new Set(await store.leased(organizationId, ids));
        for (const attempt of attempts) {
          const { attemptId } = attempt;
          if (leased.has(attemptId)) continue;
          const sinceMs = missing.get(attemptId) ?? nowMs;
          if (nowMs - sinceMs >= leaseMs) givenUp.push(attempt);
          else next.set(attemptId, sinceMs);
        }
      }
      await giveUp(givenUp);
      missing = next;
    },
  };

  async function giveUp(attempts: readonly OpenReference[]): Promise<void> {
    if (attempts.length === 0) return;
    const ids = attempts.map((attempt) => attempt.attemptId);
    await closer.close([], ids);
    for (const { attemptId, organizationId, cost, tokens } of await ledger.totals(ids)) {
      await store.settle({ organizationId, attemptId, cost, tokens, requests: 1 });
    }
  }
}
