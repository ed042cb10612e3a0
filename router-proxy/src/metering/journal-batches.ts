import type { Journal } from './journal.ts';

/**
 * Gathers the evidence of one turn of the event loop, so that attempts which begin together are proven by one write: a
 * write costs as much for fifteen lines as for one.
 */
export interface JournalBatches {
  /**
   * @param ended Called when the line is in the file, with the segment; with 0 where the disk refused it.
   * @returns Resolves after that; one promise for all lines of the turn.
   */
  append(evidence: string, ended: (segment: number) => void): Promise<void>;
  /** Writes what waits, at once. */
  flush(): void;
}

interface Batch {
  readonly evidence: string[];
  readonly ended: ((segment: number) => void)[];
  readonly promise: Promise<void>;
  readonly resolve: () => void;
}

/** @param onRefused Told what `Journal.append` threw, and of how many lines. */
export function createJournalBatches(
  journal: Pick<Journal, 'append'>,
  onRefused: (reason: unknown, lines: number) => void,
): JournalBatches {
  let waiting: Batch | undefined;

  const write = (evidence: readonly string[]): number => {
    try {
      return journal.append(evidence);
    } catch (thrown) {
      onRefused(thrown, evidence.length);
      return 0;
    }
  };

  const flush = (): void => {
    const batch = waiting;
    waiting = undefined;
    if (!batch) return;
    const segment = write(batch.evidence);
    batch.resolve();
    for (const ended of batch.ended) ended(segment);
  };

  return {
    append(evidence, ended) {
      if (!waiting) {
        waiting = { evidence: [], ended: [], ...Promise.withResolvers<void>() };
        setImmediate(flush);
      }
      waiting.evidence.push(evidence);
      waiting.ended.push(ended);
      return waiting.promise;
    },
    flush,
  };
}
