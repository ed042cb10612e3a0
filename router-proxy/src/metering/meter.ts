import type { AttemptIntent, AttemptRecord } from '@weir/contracts/attempt-record';
import type { AdmitRequest, CounterStore } from '@weir/counters/contract';
import type { Clock } from '@weir/kernel/clock';
import type { Uuid } from '@weir/kernel/ids';
import type { Logger } from '@weir/service/logger';
import type { Meter } from './contract.ts';
import { createJournalBatches } from './journal-batches.ts';
import type { Journal } from './journal.ts';
import type { LedgerWriter } from './ledger-writer.ts';
import type { LiveAttempt, LiveAttempts } from './live-attempts.ts';
import type { MeteringMetrics } from './metrics.ts';
import { encodeEvidence, encodeRecord } from './record-codec.ts';
import { settlementOf, type Settler } from './settler.ts';

export interface MeterOptions {
  readonly writer: LedgerWriter;
  readonly settler: Settler;
  readonly live: LiveAttempts;
  readonly journal: Journal;
  /** Whether the store that admitted outlives this process, and so proves the attempt beside the journal. */
  readonly isProvenByStore: (admission: AdmitRequest) => boolean;
  /** The in-process stand-in and the admissions it gave. */
  readonly fallback: CounterStore | undefined;
  readonly isFallbackAdmission: (admission: AdmitRequest) => boolean;
  readonly clock: Clock;
  readonly metrics: MeteringMetrics;
  readonly log: Logger;
}

const JOURNAL_RETRY_MS = 1_000;

export function createMeter(options: MeterOptions): Meter {
  const { writer, settler, live, journal, isProvenByStore, fallback, isFallbackAdmission } = options;
  const { clock, metrics, log } = options;
  /** Unix milliseconds; new requests are tried again after a pause, since only they can show that the disk is back. */
  let journalFailedAtMs: number | undefined;

  const batches = createJournalBatches(journal, (err, lines) => {
    // The intents are queued all the same; only a kill within the next milliseconds could lose these attempts.
    if (journalFailedAtMs === undefined) log.error({ err }, 'journal cannot be written');
    journalFailedAtMs = clock.now();
    metrics.journalFailures.inc(lines);
  });

  return {
    isAccepting: () =>
      writer.isAccepting() &&
      (journalFailedAtMs === undefined || clock.now() - journalFailedAtMs >= JOURNAL_RETRY_MS),
    begin(intent, admission, outputCap) {
      const renewAtMs = clock.now() + admission.leaseMs / 2;
      const attempt: LiveAttempt = {
        intent,
        admission,
        outputCap,
        intentSegment: 0,
        closeSegment: 0,
        renewAtMs,
        settlement: undefined,
      };
      live.add(attempt);
      writer.enqueue(intent);
      return batches.append(evidenceOf(intent, admission, outputCap), (segment) => {
        attempt.intentSegment = segment;
        if (segment !== 0) journalFailedAtMs = undefined;
      });
    },
    close(close) {
      const attempt = live.get(close.organizationId, close.attemptId);
      const amounts = settlementOf(close);
      if (!attempt) {
        settler.settle(amounts);
        writer.enqueue(close);
        return;
      }
      const evidence = encodeRecord(close);
      // Nothing is left of the journal with the machine, so a store that outlives it keeps the close meanwhile.
      const settlement = isProvenByStore(attempt.admission) ? { ...amounts, evidence } : amounts;
      attempt.settlement = settlement;
      writer.enqueue(close);
      void batches.append(evidence, (segment) => {
        // It may be durable elsewhere already.
        if (live.get(close.organizationId, close.attemptId) === attempt) attempt.closeSegment = segment;
        else journal.release(segment);
        // Not before the journal has the close: a kill in between would charge the hold that others were given.
        settler.settle(settlement);
        // In process, so it cannot be out of reach; it ignores what it does not know.
        if (fallback && isFallbackAdmission(attempt.admission)) void fallback.settle(amounts);
      });
    },
    async drain(signal) {
      batches.flush();
      await settler.retry();
      await writer.settled(signal).catch(() => undefined);
    },
  };
}

/** The evidence was written for the admission; only a lower cap that was granted makes the intent another. */
function evidenceOf(intent: AttemptIntent, admission: AdmitRequest, outputCap: number | null): string {
  return outputCap === admission.outputCap ? admission.evidence : encodeEvidence(intent);
}

/** What follows from closes being in Postgres or on disk: nothing else need prove their attempts. */
export function createConfirmation(live: LiveAttempts, settler: Settler, journal: Journal) {
  return (records: readonly AttemptRecord[]): void => {
    const concluded = new Map<Uuid, Uuid[]>();
    for (const { kind, organizationId, attemptId } of records) {
      const attempt = kind === 'intent' ? undefined : live.get(organizationId, attemptId);
      if (!attempt) continue;
      if (attempt.intentSegment !== 0) journal.release(attempt.intentSegment);
      if (attempt.closeSegment !== 0) journal.release(attempt.closeSegment);
      live.remove(organizationId, attemptId);
      if (attempt.settlement?.evidence === undefined) continue;
      const ids = concluded.get(organizationId);
      if (ids) ids.push(attemptId);
      else concluded.set(organizationId, [attemptId]);
    }
    for (const [organizationId, ids] of concluded) settler.conclude(organizationId, ids);
  };
}
