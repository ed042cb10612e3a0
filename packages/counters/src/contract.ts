import type { Uuid } from '@weir/kernel/ids';

/**
 * The counter store: shared, fast and rebuildable. Everything in it can be thrown away at any moment; the truth is
 * in Postgres, from which each counter is seeded again when it is first needed.
 *
 * Two implementations keep this contract and pass one suite: in process (one proxy) and Redis (any number). All
 * amounts are integers below 2^53. Time is the store's own (`now` in every answer), so that any number of proxies agree.
 */
export type WindowLength = 'minute' | 'hour' | 'day';
export type WindowMetric = 'requests' | 'tokens';

/** A sliding minute or hour, or one business day; counted for one subject. */
export interface WindowLimit {
  /** Who is limited, for example `key:<uuid>` or `acc:<uuid>|gpt-4o` for one model; never caller's free text. */
  readonly subject: string;
  readonly metric: WindowMetric;
  readonly window: WindowLength;
  readonly limit: number;
}

export interface ConcurrencyLimit {
  readonly subject: string;
  readonly limit: number;
}

/** A balance that committed plus held amounts may never exceed: a BLOCK budget's period, or enforced credit. */
export interface Holding {
  /** Budget id and period start, for example `bud:<uuid>:1767225600000`. */
  readonly counter: string;
  readonly metric: 'COST' | 'TOKENS' | 'REQUESTS';
  readonly limit: bigint;
  /** The hold is `fixed + perOutputToken × outputCap`: an upper bound of what the attempt may consume. */
  readonly fixed: bigint;
  readonly perOutputToken: bigint;
}

/** The instant range [startMs, endMs) that the caller took for the current business day or budget period. */
export interface CalendarSpan {
  readonly startMs: number;
  readonly endMs: number;
}

export interface AdmitRequest {
  readonly organizationId: Uuid;
  /** Admission is idempotent by it. */
  readonly attemptId: Uuid;
  readonly windows: readonly WindowLimit[];
  readonly concurrency: readonly ConcurrencyLimit[];
  readonly holdings: readonly Holding[];
  /** The business day used by day windows. */
  readonly day: CalendarSpan;
  /** Intersection of the budget periods and the day: outside it the caller must compute the request anew. */
  readonly validWithin: CalendarSpan;
  /** What the client or the model allows; null when the output cannot be bounded (then `holdings` must be empty). */
  readonly outputCap: number | null;
  /** The smallest cap that still gives a useful answer; the store never clamps below it. */
  readonly outputCapMin: number;
  readonly leaseMs: number;
  /** How long a denied minute or hour window keeps denying; probing renews it. */
  readonly cooldownMs: number;
  /** Opaque; given back with an expired lease so that the sweeper can write what the proxy could not. */
  readonly evidence: string;
}

export interface WindowState {
  readonly subject: string;
  readonly metric: WindowMetric;
  readonly window: WindowLength;
  readonly limit: number;
  readonly remaining: number;
  /** Milliseconds from now until the window is empty (sliding) or ends (day). */
  readonly resetMs: number;
}

export type AdmitResult =
  | {
      readonly kind: 'admitted';
      readonly nowMs: number;
      /** Lower than asked when only less fits into a holding. */
      readonly outputCap: number | null;
      /** Every window of the request after this admission. */
      readonly windows: readonly WindowState[];
    }
  | {
      readonly kind: 'denied';
      readonly reason: 'window' | 'cooldown';
      readonly nowMs: number;
      readonly window: WindowState;
      /** After waiting this long an otherwise idle caller is admitted. */
      readonly retryAfterMs: number;
    }
  | {
      readonly kind: 'denied';
      readonly reason: 'concurrency';
      readonly nowMs: number;
      readonly subject: string;
      readonly limit: number;
      readonly retryAfterMs: number;
    }
  | {
      readonly kind: 'denied';
      readonly reason: 'holding';
      readonly nowMs: number;
      readonly counter: string;
      readonly limit: bigint;
      readonly committed: bigint;
      readonly held: bigint;
    }
  /** The store lost these counters: seed them and ask again. `opensInMs` > 0: wait first, proxies are re-asserting. */
  | {
      readonly kind: 'unseeded';
      readonly nowMs: number;
      readonly epoch: string;
      readonly windows: readonly WindowLimit[];
      readonly holdings: readonly string[];
      readonly opensInMs: number;
    }
  /** `validWithin` does not contain the store's time: compute periods for `nowMs` and ask again. */
  | { readonly kind: 'stale'; readonly nowMs: number };

export interface WindowSeed {
  readonly window: WindowLimit;
  /** The cell's own count and the previous cell's, as recorded in Postgres. */
  readonly current: number;
  readonly previous: number;
}

export interface OpenAttempt {
  readonly attemptId: Uuid;
  readonly held: bigint;
  readonly evidence: string;
}

export interface HoldingSeed {
  readonly counter: string;
  readonly metric: Holding['metric'];
  readonly committed: bigint;
  /** Attempts with an intent and no close: held unless the store already knows them. */
  readonly open: readonly OpenAttempt[];
}

export interface Seed {
  readonly organizationId: Uuid;
  /** From the `unseeded` answer; a seed for an older epoch is ignored. */
  readonly epoch: string;
  readonly day: CalendarSpan;
  readonly windows: readonly WindowSeed[];
  readonly holdings: readonly HoldingSeed[];
  readonly leaseMs: number;
}

export interface Settlement {
  readonly organizationId: Uuid;
  readonly attemptId: Uuid;
  /** Actual amounts. All zero for an attempt that never reached its provider. */
  readonly cost: bigint;
  readonly tokens: number;
  readonly requests: 0 | 1;
}

export interface ExpiredLease {
  readonly organizationId: Uuid;
  readonly attemptId: Uuid;
  readonly evidence: string;
}

export interface CounterStore {
  /** One atomic step: read everything, check everything, write everything. A denial writes only its cooldown. */
  admit(request: AdmitRequest): Promise<AdmitResult>;
  /** Extends leases; answers the attempts whose record the store no longer has (flushed): re-assert those. */
  renew(organizationId: Uuid, attemptIds: readonly Uuid[], leaseMs: number): Promise<readonly Uuid[]>;
  /** Puts an attempt's hold, concurrency and evidence back after a flush. Idempotent; never refused. */
  reassert(request: AdmitRequest, outputCap: number | null): Promise<void>;
  /**
   * Replaces the hold by the actual amounts and frees the concurrency slot. Never refused; idempotent by attempt: a
   * second settlement replaces the first. Tokens go into the cells of the admission. An attempt the store does not
   * know is ignored, because the seed reads it from Postgres.
   */
  settle(settlement: Settlement): Promise<void>;
  seed(seed: Seed): Promise<void>;
  /** The current epoch per organization, null where the store has none; how a proxy notices a flush. */
  epochs(organizationIds: readonly Uuid[]): Promise<ReadonlyMap<Uuid, string | null>>;
  /** Attempts whose lease ran out at least `graceMs` ago; they stay until settled. At most `limit`. */
  expired(graceMs: number, limit: number): Promise<readonly ExpiredLease[]>;
  close(): Promise<void>;
}
