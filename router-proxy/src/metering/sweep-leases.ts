import type { CounterStore, ExpiredLease } from '@weir/counters/contract';
import type { Logger } from '@weir/service/logger';
import type { LedgerClient } from './ledger-client.ts';
import type { ProvisionalCloser } from './provisional.ts';
import { decodeProof } from './record-codec.ts';

const LEASES = 500;
const ROUNDS_MAX = 20;

export interface LeaseSweepOptions {
  readonly store: CounterStore;
  readonly ledger: LedgerClient;
  readonly closer: ProvisionalCloser;
  readonly graceMs: number;
  readonly log: Logger;
}

/**
 * Ends attempts whose lease ran out. The ledger says what they cost: by the close that their proxy left as evidence, or
 * by a provisional one where it has none; the counters get that. Rejects when Postgres or the store is away; nothing is lost by that.
 */
export async function sweepLeases(options: LeaseSweepOptions): Promise<void> {
  const { store, graceMs } = options;
  for (let round = 0; round < ROUNDS_MAX; round++) {
    const leases = await store.expired(graceMs, LEASES);
    if (leases.length > 0) await endAttempts(options, leases);
    if (leases.length < LEASES) return;
  }
}

async function endAttempts(options: LeaseSweepOptions, leases: readonly ExpiredLease[]): Promise<void> {
  const { store, ledger, closer, log } = options;
  const records = leases
    .map((lease) => decodeProof(lease.evidence, lease.outputCap))
    .filter((record) => record !== undefined);
  const attemptIds = leases.map((lease) => lease.attemptId);
  await closer.close(records, attemptIds);
  const totals = new Map((await ledger.totals(attemptIds)).map((total) => [total.attemptId, total]));
  for (const { organizationId, attemptId } of leases) {
    const total = totals.get(attemptId);
    // Without evidence and intent there is nothing to charge; the hold must not stay for ever.
    if (!total) log.error({ organizationId, attemptId }, 'expired attempt without evidence');
    await store.settle({
      organizationId,
      attemptId,
      cost: total?.cost ?? 0n,
      tokens: total?.tokens ?? 0,
      requests: total ? 1 : 0,
    });
  }
  for (const [organizationId, ended] of Map.groupBy(leases, (lease) => lease.organizationId)) {
    const ids = ended.map((lease) => lease.attemptId);
    await store.conclude(organizationId, ids);
  }
}
