import type { Uuid } from '@weir/kernel/ids';
import type { Settlement } from '../contract.ts';

/**
 * Gathers the settlements of one turn of the event loop, so that attempts which end together are settled by one call
 * per organization: most of what a settlement costs is reading and writing the balances and windows that they share.
 * Nothing that this process is asked later overtakes them.
 */
export interface SettleBatches {
  /** Resolves and rejects with the call that its batch became. */
  settle(settlement: Settlement): Promise<void>;
}

type Send = (organizationId: Uuid, settlements: readonly Settlement[]) => Promise<unknown>;

/** A script holds everybody up while it runs. */
const AT_ONCE = 50;

export function createSettleBatches(send: Send): SettleBatches {
  let batches = new Map<Uuid, Batch>();
  let isScheduled = false;

  const flush = (): void => {
    isScheduled = false;
    const ready = batches;
    batches = new Map();
    for (const [organizationId, batch] of ready) sendBatch(organizationId, batch);
  };
  const sendBatch = (organizationId: Uuid, { settlements, resolve }: Batch): void => {
    resolve(send(organizationId, settlements).then(() => undefined));
  };

  return {
    settle(settlement) {
      const { organizationId } = settlement;
      let batch = batches.get(organizationId);
      if (batch === undefined) {
        batch = newBatch();
        batches.set(organizationId, batch);
      }
      batch.settlements.push(settlement);
      if (batch.settlements.length >= AT_ONCE) {
        batches.delete(organizationId);
        sendBatch(organizationId, batch);
      } else if (!isScheduled) {
        isScheduled = true;
        setImmediate(flush);
      }
      return batch.promise;
    },
  };
}

interface Batch {
  readonly settlements: Settlement[];
  readonly promise: Promise<void>;
  readonly resolve: (sent: Promise<void>) => void;
}

function newBatch(): Batch {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { settlements: [], promise, resolve };
}
