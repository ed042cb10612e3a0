import type { AttemptIntent, AttemptRecord } from '@weir/contracts/attempt-record';
import type { AdmitRequest, CounterStore } from '@weir/counters/contract';
import type { Clock } from '@weir/kernel/clock';
import type { Logger } from '@weir/service/logger';
import type { Meter } from './contract.ts';
import type { Journal } from './journal.ts';
import type { LedgerWriter } from './ledger-writer.ts';
import type { LiveAttempts } from './live-attempts.ts';
import type { MeteringMetrics } from './metrics.ts';
import { settlementOf, type Settler } from './settler.ts';

export interface MeterOptions {
  readonly writer: LedgerWriter;
  readonly settler: Settler;
  readonly live: LiveAttempts;
  readonly journal: Journal;
  /** Whether the store that admitted dies with this process, which then keeps the evidence itself. */
  readonly needsJournal: (admission: AdmitRequest) => boolean;
  /** The in-process stand-in and the admissions it gave. */
  readonly fallback: CounterStore | undefined;
  readonly isFallbackAdmission: (admission: AdmitRequest) => boolean;
  readonly clock: Clock;
  readonly metrics: MeteringMetrics;
  readonly log: Logger;
}

const JOURNAL_RETRY_MS = 1_000;

export function createMeter(options: MeterOptions): Meter {
  const { writer, settler, live, journal, needsJournal, fallback, isFallbackAdmission, clock, metrics, log } =
    options;
  /** Unix milliseconds; new requests are tried again after a pause, since only they can show that the disk is back. */
  let journalFailedAtMs: number | undefined;

  const journalize = (intent: AttemptIntent): number => {
    try {
      const segment = journal.append(intent);
      journalFailedAtMs = undefined;
      return segment;
    } catch (err) {
      // The intent is queued all the same; only a kill within the next milliseconds could lose this attempt.
      if (journalFailedAtMs === undefined) log.error({ err }, 'journal cannot be written');
      journalFailedAtMs = clock.now();
      metrics.journalFailures.inc();
      return 0;
    }
  };

  return {
    isAccepting: () =>
      writer.isAccepting() &&
      (journalFailedAtMs === undefined || clock.now() - journalFailedAtMs >= JOURNAL_RETRY_MS),
    begin(intent, admission, outputCap) {
      const segment = needsJournal(admission) ? journalize(intent) : 0;
      const renewAtMs = clock.now() + admission.leaseMs / 2;
      const isProven = segment !== 0;
      live.add({ intent, admission, outputCap, segment, renewAtMs, close: undefined, isProven });
      writer.enqueue(intent);
    },
    close(close) {
      const attempt = live.get(close.organizationId, close.attemptId);
      if (attempt) attempt.close = close;
      if (!attempt || attempt.isProven) settler.settle(settlementOf(close));
      // In process, so it cannot be out of reach; it ignores what it does not know.
      if (attempt && fallback && isFallbackAdmission(attempt.admission))
        void fallback.settle(settlementOf(close));
      writer.enqueue(close);
      // Somebody may be waiting for the slot that only the settlement frees.
      if (attempt && !attempt.isProven && attempt.admission.concurrency.length > 0) writer.flush();
    },
    async drain(signal) {
      await settler.retry();
      await writer.settled(signal).catch(() => undefined);
    },
  };
}

/** What follows from records being in Postgres or on disk: intents prove attempts, closes end them. */
export function createConfirmation(live: LiveAttempts, settler: Settler, journal: Journal) {
  return (records: readonly AttemptRecord[]): void => {
    for (const record of records) {
      const attempt = live.get(record.organizationId, record.attemptId);
      if (!attempt) continue;
      if (!attempt.isProven) {
        attempt.isProven = true;
        if (attempt.close) settler.settle(settlementOf(attempt.close));
      }
      if (record.kind === 'intent') continue;
      if (attempt.segment !== 0) journal.release(attempt.segment);
      live.remove(record.organizationId, record.attemptId);
    }
  };
}
