import { rm } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import type { AttemptRecord } from '@weir/contracts/attempt-record';
import type { Uuid } from '@weir/kernel/ids';
import type { Logger } from '@weir/service/logger';
import { readJournalSegment } from './journal.ts';
import type { MeteringMetrics } from './metrics.ts';

const ROWS = 500;
const RETRY_MS = 500;

export interface JournalRecoveryOptions {
  /** Segments of processes that are dead. */
  readonly segments: readonly string[];
  /** Resolves when the spill is replayed: the closes in it must arrive before attempts are taken for lost. */
  readonly isReplayed: (signal: AbortSignal) => Promise<void>;
  /** Brings records of a dead process into the ledger. */
  readonly append: (records: readonly AttemptRecord[]) => Promise<void>;
  /** Ends attempts of whose close the journal knows nothing. */
  readonly end: (attemptIds: readonly Uuid[]) => Promise<void>;
  readonly metrics: MeteringMetrics;
  readonly log: Logger;
}

/**
 * Brings every record of the journal into the ledger, ends the attempts without a close, and deletes the segments. Goes
 * on until Postgres takes it or the signal ends it; doing it twice changes nothing.
 */
export async function recoverJournal(options: JournalRecoveryOptions, signal: AbortSignal): Promise<void> {
  const { segments, isReplayed, append, end, metrics, log } = options;
  if (segments.length === 0) return;
  await isReplayed(signal);

  const insist = async (work: () => Promise<void>): Promise<void> => {
    while (!signal.aborted) {
      try {
        await work();
        return;
      } catch (err) {
        log.warn({ err }, 'journal cannot be recovered yet');
        await delay(RETRY_MS, undefined, { signal });
      }
    }
    signal.throwIfAborted();
  };

  // An attempt's close may be in a later segment than its intent, so all are read before any is taken for lost.
  const begun = new Set<Uuid>();
  const closed = new Set<Uuid>();
  const damaged = new Set<string>();
  for (const path of segments) {
    await insist(async () => {
      const { records, damagedLines } = await readJournalSegment(path);
      for (const { kind, attemptId } of records) (kind === 'intent' ? begun : closed).add(attemptId);
      for (let from = 0; from < records.length; from += ROWS) await append(records.slice(from, from + ROWS));
      if (damagedLines === 0) return;
      damaged.add(path);
      metrics.damagedLines.inc(damagedLines);
      log.error({ path, damagedLines }, 'journal has damaged lines');
    });
  }
  const open = [...begun].filter((attemptId) => !closed.has(attemptId));
  for (let from = 0; from < open.length; from += ROWS) {
    await insist(() => end(open.slice(from, from + ROWS)));
  }
  for (const path of segments) if (!damaged.has(path)) await rm(path, { force: true });
}
