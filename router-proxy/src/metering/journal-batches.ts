import type { Journal } from './journal.ts';

/**
 * Gathers the evidence of one turn of the event loop, so that attempts which begin together are proven by one write: a
 * write costs as much for fifteen lines as for one.
 */
export interface JournalBatches {
  /** Resolves with the segment when the line is in the file; rejects as `Journal.append` throws. */
  append(evidence: string): Promise<number>;
  /** Writes what waits, at once. */
  flush(): void;
}

interface Batch {
  readonly evidence: string[];
  readonly promise: Promise<number>;
  readonly resolve: (segment: number) => void;
  readonly reject: (reason: unknown) => void;
}

export function createJournalBatches(journal: Pick<Journal, 'append'>): JournalBatches {
  let waiting: Batch | undefined;

  const flush = (): void => {
    const batch = waiting;
    waiting = undefined;
    if (!batch) return;
    try {
      batch.resolve(journal.append(batch.evidence));
    } catch (thrown) {
      batch.reject(thrown);
    }
  };

  return {
    append(evidence) {
      if (!waiting) {
        waiting = { evidence: [], ...Promise.withResolvers<number>() };
        setImmediate(flush);
      }
      waiting.evidence.push(evidence);
      return waiting.promise;
    },
    flush,
  };
}
