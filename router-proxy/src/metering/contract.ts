import type { AttemptClose, AttemptIntent } from '@weir/contracts/attempt-record';
import type { AdmitRequest, AdmitResult, InspectRequest, InspectResult } from '@weir/counters/contract';

/** What the request path needs of the counter store: answers that are final, never "seed me first". */
export type Admission = Extract<AdmitResult, { kind: 'admitted' | 'denied' }>;

/** How everything stands that an admission would look at. */
export type Inspection = Extract<InspectResult, { kind: 'inspected' }>;

export interface AdmissionGate {
  /**
   * A promise only where something has to be waited for: a store outside this process, or a seed.
   * @param build Called with the instant for which to compute periods; again when the store's clock disagrees.
   * @param signalOf Its signal ends the wait for a store that is being seeded.
   * @throws AppError DEPENDENCY_UNAVAILABLE when the store or the seed cannot be reached and a holding demands it.
   */
  admit(build: (nowMs: number) => AdmitRequest, signalOf: () => AbortSignal): Admission | Promise<Admission>;
  /** The same without asking for anything. @throws AppError DEPENDENCY_UNAVAILABLE */
  inspect(build: (nowMs: number) => InspectRequest, signal: AbortSignal): Promise<Inspection>;
}

/** Turns attempts into rows of the ledger and settles their counters. No call ever fails or waits for a network. */
export interface Meter {
  /** False while the spill is full: the request path answers 503 rather than serve what it could not record. */
  isAccepting(): boolean;
  /**
   * After admission, before dispatch: queues the intent, and leaves evidence that outlives this process. Resolves when it
   * is there, which is at the end of the event loop's turn.
   */
  begin(intent: AttemptIntent, admission: AdmitRequest, outputCap: number | null): Promise<void>;
  /** Exactly once per begun attempt: settles its counters and queues its close. */
  close(close: AttemptClose): void;
  /** Writes everything queued, at the latest until the signal; what is left is spilled to disk. */
  drain(signal: AbortSignal): Promise<void>;
}
