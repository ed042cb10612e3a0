import type { AttemptIntent, AttemptRecord } from '@weir/contracts/attempt-record';
import type { Uuid } from '@weir/kernel/ids';
import { RenewedMap } from '@weir/kernel/renewed-map';

/**
 * Records that wait for their statement, in order. An intent stands back for a while: when its close comes meanwhile,
 * the close says everything the intent would have said, and one row is written instead of two. Nothing hangs on the
 * intent's row as long as the process lives, and when it dies the journal or the counter store proves the attempt.
 */
export interface LedgerQueue {
  /** All that wait, intents that stand back included. */
  readonly size: number;
  /** Those that need not wait any longer. */
  readonly ready: number;
  add(record: AttemptRecord, nowMs: number): void;
  /** Ends the standing back of intents that were added at or before that time. */
  release(addedUntilMs: number): void;
  /** Of those that are ready. */
  take(rowsMax: number): Batch;
  /** Everything. */
  takeAll(): Batch;
  putBack(batch: Batch): void;
  /** How many were ever added. */
  readonly added: number;
  /** The number of the oldest one that waits; `added` where none does. */
  oldest(): number;
}

export interface Batch {
  readonly records: readonly AttemptRecord[];
  /** The number of its oldest record. */
  readonly oldest: number;
}

interface Waiting {
  readonly intent: AttemptIntent;
  readonly number: number;
  readonly addedMs: number;
}

export function createLedgerQueue(): LedgerQueue {
  let ready: AttemptRecord[] = [];
  let added = 0;
  let oldestReady = 0;
  /** In the order of their arrival. */
  const waiting = new RenewedMap<Uuid, Waiting>();

  const makeReady = (record: AttemptRecord, number: number): void => {
    if (ready.length === 0 || number < oldestReady) oldestReady = number;
    ready.push(record);
  };
  const oldest = (): number => {
    let number = ready.length === 0 ? added : oldestReady;
    for (const first of waiting.values()) {
      number = Math.min(number, first.number);
      break;
    }
    return number;
  };
  const release = (addedUntilMs: number): void => {
    for (const [id, { intent, number, addedMs }] of waiting) {
      if (addedMs > addedUntilMs) return;
      waiting.delete(id);
      makeReady(intent, number);
    }
  };
  const take = (rowsMax: number): Batch => {
    const isAll = ready.length <= rowsMax;
    const records = isAll ? ready : ready.slice(0, rowsMax);
    ready = isAll ? [] : ready.slice(rowsMax);
    return { records, oldest: records.length === 0 ? added : oldestReady };
  };

  return {
    get size() {
      return ready.length + waiting.size;
    },
    get ready() {
      return ready.length;
    },
    get added() {
      return added;
    },
    add(record, nowMs) {
      const number = added++;
      if (record.kind === 'intent') {
        waiting.set(record.attemptId, { intent: record, number, addedMs: nowMs });
        return;
      }
      waiting.delete(record.attemptId);
      makeReady(record, number);
    },
    release,
    take,
    takeAll() {
      release(Number.POSITIVE_INFINITY);
      return take(Number.POSITIVE_INFINITY);
    },
    putBack({ records, oldest: number }) {
      if (records.length === 0) return;
      oldestReady = ready.length === 0 ? number : Math.min(number, oldestReady);
      ready = [...records, ...ready];
    },
    oldest,
  };
}
