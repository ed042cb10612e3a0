import type { AttemptClose } from '@weir/contracts/attempt-record';
import type { CounterStore, Settlement } from '@weir/counters/contract';
import type { Uuid } from '@weir/kernel/ids';
import { totalTokens } from '@weir/kernel/usage';
import type { MeteringMetrics } from './metrics.ts';

/**
 * Settles counters without making anybody wait. What the store did not take is kept, the latest settlement per
 * attempt, and offered again by `retry`. The bound drops the oldest: its lease runs out then, and the sweeper settles
 * it from the ledger.
 */
export interface Settler {
  settle(settlement: Settlement): void;
  /** The closes of these attempts are durable, so the store need not prove them any longer. */
  conclude(organizationId: Uuid, attemptIds: readonly Uuid[]): void;
  /** Offers everything pending once; resolves when the store answered, or at its first failure. */
  retry(): Promise<void>;
  pending(): number;
}

const PENDING_MAX = 50_000;
const RETRY_AT_ONCE = 64;

export function createSettler(store: CounterStore, metrics: MeteringMetrics): Settler {
  const pending = new Map<Uuid, Settlement>();
  let isRetrying = false;

  const keep = (settlement: Settlement): void => {
    metrics.storeFailures.inc();
    pending.set(settlement.attemptId, settlement);
    if (pending.size <= PENDING_MAX) return;
    for (const oldest of pending.keys()) {
      pending.delete(oldest);
      metrics.settlementsDropped.inc();
      return;
    }
  };

  return {
    settle(settlement) {
      if (pending.size > 0) pending.delete(settlement.attemptId);
      if (store.atOnce) {
        try {
          store.atOnce.settle(settlement);
        } catch {
          keep(settlement);
        }
        return;
      }
      store.settle(settlement).catch(() => {
        keep(settlement);
      });
    },
    conclude(organizationId, attemptIds) {
      for (const id of attemptIds) {
        const unsettled = pending.get(id);
        if (unsettled) pending.set(id, withoutEvidence(unsettled));
      }
      // What the store did not hear of ends with its lease: the sweeper finds the close in the ledger.
      store.conclude(organizationId, attemptIds).catch(() => {
        metrics.storeFailures.inc();
      });
    },
    async retry() {
      if (isRetrying) return;
      isRetrying = true;
      try {
        while (pending.size > 0) {
          const batch = [...pending.values()].slice(0, RETRY_AT_ONCE);
          await Promise.all(batch.map((settlement) => store.settle(settlement)));
          // A newer settlement may have taken the place of the one that was just told.
          for (const told of batch) if (pending.get(told.attemptId) === told) pending.delete(told.attemptId);
        }
      } catch {
        metrics.storeFailures.inc();
      } finally {
        isRetrying = false;
      }
    },
    pending: () => pending.size,
  };
}

function withoutEvidence({ organizationId, attemptId, cost, tokens, requests }: Settlement): Settlement {
  return { organizationId, attemptId, cost, tokens, requests };
}

/** What a close means to the counters. Every close counts as one request, as it does in the ledger's sums. */
export function settlementOf(close: AttemptClose): Settlement {
  return {
    organizationId: close.organizationId,
    attemptId: close.attemptId,
    cost: close.cost,
    tokens: totalTokens(close.usage),
    requests: 1,
  };
}
