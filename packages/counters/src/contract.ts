import type { Uuid } from '@weir/kernel/ids';
import type { GraceState } from './grace.ts';

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
  /** Budget id, period start and since when it blocks, for example `bud:<uuid>:1767225600000:1767269000123`. */
  readonly counter: string;
  readonly metric: 'COST' | 'TOKENS' | 'REQUESTS';
  readonly limit: bigint;
  /**
   * The hold is `fixed + perOutputToken × outputCap`: an upper bound of what the attempt may consume. A REQUESTS
   * holding always holds 1, whatever is given.
   */
  readonly fixed: bigint;
  readonly perOutputToken: bigint;
  /**
   * For how long requests go on, unclamped, from the one that first found no room; absent or 0 never lets more in than
   * fits. The store remembers per counter when that was and for which limit: see `grace.ts`.
   */
  readonly graceMs?: number;
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
  /** What the client or the model allows; null where there is none (then every `perOutputToken` must be 0). */
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
      /** Where only the grace of a holding let it in: the instant at which the first such grace ends. */
      readonly graceUntilMs: number | null;
      /** After this admission, the tightest window of each metric that the request limits (`tightest-windows.ts`). */
      readonly windows: readonly WindowState[];
    }
  | {
      readonly kind: 'denied';
      readonly reason: 'window' | 'cooldown';
      readonly nowMs: number;
      readonly window: WindowState;
      /** After waiting this long an otherwise idle caller is admitted. A limit of 0 admits nobody, ever. */
      readonly retryAfterMs: number;
    }
  | {
      readonly kind: 'denied';
      readonly reason: 'concurrency';
      readonly nowMs: number;
      readonly subject: string;
      readonly limit: number;
      /** Until a slot is free even if nobody settles or renews: the longest wait, slots are usually free sooner. */
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
      /** Whether it had a grace, which is over then. */
      readonly isGraceOver: boolean;
    }
  /**
   * The store lost these counters: seed them and ask again. Windows may be seeded at once. `opensInMs` > 0: wait that
   * long before Postgres is read for the holdings, because proxies are still re-asserting their attempts.
   */
  | {
      readonly kind: 'unseeded';
      readonly nowMs: number;
      readonly epoch: string;
      /** Store time at which the epoch began: nothing older than it is left in the store. */
      readonly openedAtMs: number;
      readonly windows: readonly WindowLimit[];
      readonly holdings: readonly string[];
      readonly opensInMs: number;
    }
  /** `validWithin` does not contain the store's time: compute periods for `nowMs` and ask again. */
  | { readonly kind: 'stale'; readonly nowMs: number };

/** What to tell about; the same members as of an admission. */
export type InspectRequest = Pick<
  AdmitRequest,
  'organizationId' | 'windows' | 'concurrency' | 'holdings' | 'day' | 'validWithin'
>;

export interface InspectedWindow extends WindowState {
  /** Until one more request is let through if nothing else happens; 0 where it is now. */
  readonly retryAfterMs: number;
}

export type InspectResult =
  | {
      readonly kind: 'inspected';
      readonly nowMs: number;
      readonly windows: readonly InspectedWindow[];
      readonly concurrency: readonly (ConcurrencyLimit & { readonly running: number })[];
      readonly holdings: readonly {
        readonly counter: string;
        readonly committed: bigint;
        readonly held: bigint;
        readonly grace: GraceState;
      }[];
    }
  | Extract<AdmitResult, { kind: 'unseeded' | 'stale' }>;

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
  /**
   * Attempts of this counter whose close is within `committed` and was logged since the epoch opened (take ten
   * seconds more for skew; three minutes back are always enough). It tells the attempts that ended during the outage
   * and are counted already from those whose intent Postgres had not seen yet. All three fields must come from one
   * snapshot of Postgres. Absent means unknown: what the store saw settled is then taken to be within `committed`.
   */
  readonly closed?: readonly Uuid[];
}

export interface Seed {
  readonly organizationId: Uuid;
  /** From the `unseeded` answer; a seed for an older epoch is ignored. */
  readonly epoch: string;
  readonly day: CalendarSpan;
  readonly windows: readonly WindowSeed[];
  readonly holdings: readonly HoldingSeed[];
  readonly leaseMs: number;
  /** The `nowMs` for which the cells of `windows` were counted; the store's time when absent. */
  readonly asOfMs?: number;
}

export interface Settlement {
  readonly organizationId: Uuid;
  readonly attemptId: Uuid;
  /** Actual amounts. All zero for an attempt that never reached its provider. */
  readonly cost: bigint;
  readonly tokens: number;
  readonly requests: 0 | 1;
  /**
   * Opaque; what proves the close while it is in no other durable place. The attempt keeps its lease with it, in the
   * place of the evidence of the admission, until `conclude`.
   */
  readonly evidence?: string;
}

export interface ExpiredLease {
  readonly organizationId: Uuid;
  readonly attemptId: Uuid;
  readonly evidence: string;
  /**
   * The cap that was granted; null where there is none, only a seed told of the attempt, or it is settled. The evidence
   * of an admission was composed before it and may bound a higher one.
   */
  readonly outputCap: number | null;
}

/**
 * The store cannot be reached or does not answer in time. An admission that failed so is taken back as soon as the
 * store answers again: never ask again with the same attempt id.
 */
export class CounterStoreUnavailable extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'CounterStoreUnavailable';
  }
}

/** The same as the store's methods of these names; throws what they reject with. */
export interface CountersAtOnce {
  admit(request: AdmitRequest): AdmitResult;
  settle(settlement: Settlement): void;
}

/**
 * Every method rejects with CounterStoreUnavailable when the store is out of reach, and with TypeError or RangeError
 * when the caller broke the contract (the same window twice, an amount of 2^53 or more).
 */
export interface CounterStore {
  /** Where the counters are in this process: what every request asks of them, without a promise. */
  readonly atOnce?: CountersAtOnce;
  /**
   * One atomic step: read everything, check everything, write everything. A denial writes only its cooldown.
   * A known attempt gets the same answer again, without a second effect; its windows are as they are now.
   */
  admit(request: AdmitRequest): Promise<AdmitResult>;
  /** How everything stands that an admission would look at, in the order of the request. Changes nothing. */
  inspect(request: InspectRequest): Promise<InspectResult>;
  /** Extends leases; answers the attempts whose record the store no longer has (flushed): re-assert those. */
  renew(organizationId: Uuid, attemptIds: readonly Uuid[], leaseMs: number): Promise<readonly Uuid[]>;
  /**
   * Which of these attempts hold a lease, whether or not it has run out. The others have ended or are unknown. Changes
   * nothing.
   */
  leased(organizationId: Uuid, attemptIds: readonly Uuid[]): Promise<readonly Uuid[]>;
  /**
   * Puts an attempt's hold, concurrency and evidence back after a flush: of every attempt that runs, and of every one
   * that has ended and whose close is not known to be in Postgres (settle that again afterwards). Not of others,
   * because a seed only tells recent closes. Idempotent; never refused.
   */
  reassert(request: AdmitRequest, outputCap: number | null): Promise<void>;
  /**
   * Replaces the hold by the actual amounts and frees the concurrency slot. Never refused; idempotent by attempt: a
   * second settlement replaces the first. Tokens go into the cells of the admission. An attempt the store does not
   * know changes no counter, because the seed reads it from Postgres; only its id is remembered for some minutes.
   */
  settle(settlement: Settlement): Promise<void>;
  /** The closes of these attempts are durable: evidence that their settlements left is forgotten with their leases. */
  conclude(organizationId: Uuid, attemptIds: readonly Uuid[]): Promise<void>;
  /** Sets what is not seeded in this epoch yet, and nothing else: live counters are never overwritten or lowered. */
  seed(seed: Seed): Promise<void>;
  /** The current epoch per organization, null where the store has none; how a proxy notices a flush. */
  epochs(organizationIds: readonly Uuid[]): Promise<ReadonlyMap<Uuid, string | null>>;
  /** Attempts whose lease ran out at least `graceMs` ago; they stay until settled or concluded. At most `limit`. */
  expired(graceMs: number, limit: number): Promise<readonly ExpiredLease[]>;
  close(): Promise<void>;
}
