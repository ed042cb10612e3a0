import { rm } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import type { AttemptIntent } from '@weir/contracts/attempt-record';
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
  /** Brings attempts of a dead process into the ledger, each with its close where only the journal knows of it. */
  readonly end: (intents: readonly AttemptIntent[]) => Promise<void>;
  readonly metrics: MeteringMetrics;
  readonly log: Logger;
}

/**
 * Ends every attempt of the journal, then deletes the segments. Goes on until Postgres takes
 * it or the signal ends it; doing it twice changes nothing.
 */
export async function recoverJournal(options: JournalRecoveryOptions, signal: AbortSignal): Promise<void> {
  const { segments, isReplayed, log } = options;
  if (segments.length === 0) return;
  await isReplayed(signal);
  for (const path of segments) {
    while (!signal.aborted) {
      try {
        await recoverSegment(path, options);
        break;
      } catch (err) {
        log.warn({ err }, 'journal cannot be recovered yet');
        await delay(RETRY_MS, undefined, { signal });
      }
    }
  }
}

async function recoverSegment(path: string, options: JournalRecoveryOptions): Promise<void> {
  const { end, metrics, log } = options;
  const { intents, damagedLines } = await readJournalSegment(path);
  for (let from = 0; from < intents.length; from += ROWS) {
    await end(intents.slice(from, from + ROWS));
  }
  if (damagedLines > 0) {
    metrics.damagedLines.inc(damagedLines);
    log.error({ path, damagedLines }, 'journal has damaged lines');
    return;
  }
  await rm(path, { force: true });
}
