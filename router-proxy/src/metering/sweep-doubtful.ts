import type { CounterStore } from '@weir/counters/contract';
import type { Clock } from '@weir/kernel/clock';
import type { Uuid } from '@weir/kernel/ids';
import type { LedgerClient, OpenReference } from './ledger-client.ts';
import type { LiveAttempts } from './live-attempts.ts';
import type { ProvisionalCloser } from './provisional.ts';

/**
 * Finds intents that stay open although no proxy streams them any more: their record in the counter store was lost
 * together with their proxy. A live attempt is in the store, because its proxy renews it or tells it again. So an
 * attempt is given up when the store did not know it twice, a whole lease apart. Asking the store extends the lease of
 * what it knows, hence each attempt is asked for so seldom that a lease nobody else renews runs out in between.
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
  readonly graceMs: number;
}

interface Doubt {
  /** Unix milliseconds before which the store is not asked for it. */
  readonly nextMs: number;
  readonly wasUnknown: boolean;
}

const ROWS = 500;
const PAGES_MAX = 20;
const FIRST_ID = '00000000-0000-0000-0000-000000000000' as Uuid;

export function createDoubtfulSweep(options: DoubtfulSweepOptions): DoubtfulSweep {
  const { store, ledger, closer, live, clock, leaseMs, graceMs } = options;
  let doubts = new Map<Uuid, Doubt>();

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
      const next = new Map<Uuid, Doubt>();
      const givenUp: OpenReference[] = [];
      for (const [organizationId, attempts] of Map.groupBy(open, (attempt) => attempt.organizationId)) {
        const due = attempts.filter(({ attemptId }) => (doubts.get(attemptId)?.nextMs ?? 0) <= nowMs);
        const ids = due.map((attempt) => attempt.attemptId);
        const unknown = new Set(ids.length > 0 ? await store.renew(organizationId, ids, leaseMs) : []);
        for (const attempt of attempts) {
          const { attemptId } = attempt;
          const before = doubts.get(attemptId);
          if (before && before.nextMs > nowMs) next.set(attemptId, before);
          else if (!unknown.has(attemptId)) next.set(attemptId, { nextMs: nowMs + 2 * leaseMs + graceMs, wasUnknown: false });
          else if (before?.wasUnknown) givenUp.push(attempt);
          else next.set(attemptId, { nextMs: nowMs + leaseMs, wasUnknown: true });
        }
      }
      await giveUp(givenUp);
      doubts = next;
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
