import {
  CounterStoreUnavailable,
  type AdmitRequest,
  type AdmitResult,
  type CounterStore,
  type InspectRequest,
  type InspectResult,
} from '@weir/counters/contract';
import type { Clock } from '@weir/kernel/clock';
import { AppError } from '@weir/kernel/errors';
import type { Admission, AdmissionGate } from './contract.ts';
import type { MeteringMetrics } from './metrics.ts';
import type { Seeder, SeedRequest, Unseeded } from './seeder.ts';

/** A store and what fills it. */
interface Counting {
  readonly store: CounterStore;
  readonly seeder: Seeder;
}

interface Answer {
  readonly kind: string;
  readonly nowMs: number;
}

/** The answers after which a store is asked again. */
type NotYet = Extract<AdmitResult, { kind: 'unseeded' | 'stale' }>;

export interface GateOptions {
  readonly store: CounterStore;
  readonly seeder: Seeder;
  /** Serves requests without holdings while the store is away; undefined where the store is in this process. */
  readonly fallback: Counting | undefined;
  readonly clock: Clock;
  readonly metrics: MeteringMetrics;
  readonly failClosed: boolean;
  readonly storeRetryMs: number;
}

export interface Gate extends AdmissionGate {
  isFallbackAdmission(admission: AdmitRequest): boolean;
}

/** A counter is seeded once; a few rounds more for flushes and midnights in between. */
const ROUNDS_MAX = 12;
const RETRY_AFTER_SECONDS = 1;

export function createGate(options: GateOptions): Gate {
  const { store, seeder, fallback, clock, metrics, failClosed, storeRetryMs } = options;
  const shared: Counting = { store, seeder };
  const fallbackAdmissions = new WeakSet<AdmitRequest>();
  /** The store's clock minus ours, so that the first build is seldom `stale`. */
  let offsetMs = 0;
  /** Until then nobody asks a store that has just failed; the first to ask after it is the probe. */
  let awayUntilMs = Number.NEGATIVE_INFINITY;

  /** @param put Asks a store; again when its counters were seeded, or its clock disagrees. */
  const ask = async <R extends SeedRequest, A extends Answer>(
    from: Counting,
    put: (store: CounterStore, request: R) => Promise<A | NotYet>,
    build: (nowMs: number) => R,
    signalOf: () => AbortSignal,
  ): Promise<{ readonly request: R; readonly answer: A }> => {
    let request = build(clock.now() + offsetMs);
    for (let round = 0; round < ROUNDS_MAX; round++) {
      const answer = await put(from.store, request);
      offsetMs = answer.nowMs - clock.now();
      if (!isNotYet(answer)) return { request, answer };
      if (answer.kind === 'unseeded') await seed(from.seeder, request, answer, signalOf());
      request = build(clock.now() + offsetMs);
    }
    throw unavailable('counters could not be seeded', undefined);
  };

  /** The same of the shared store, which may be away. */
  const askShared = async <R extends SeedRequest, A extends Answer>(
    put: (store: CounterStore, request: R) => Promise<A | NotYet>,
    build: (nowMs: number) => R,
    signalOf: () => AbortSignal,
  ): Promise<A> => {
    const nowMs = clock.now();
    if (nowMs < awayUntilMs) throw new CounterStoreUnavailable('the counter store failed a moment ago');
    // While it is known to be away, one request at a time finds out whether it is back.
    if (awayUntilMs > Number.NEGATIVE_INFINITY) awayUntilMs = nowMs + storeRetryMs;
    try {
      const { answer } = await ask(shared, put, build, signalOf);
      awayUntilMs = Number.NEGATIVE_INFINITY;
      return answer;
    } catch (error) {
      if (error instanceof CounterStoreUnavailable) {
        metrics.storeFailures.inc();
        awayUntilMs = clock.now() + storeRetryMs;
      }
      throw error;
    }
  };

  const admitLater = async (
    build: (nowMs: number) => AdmitRequest,
    signalOf: () => AbortSignal,
  ): Promise<Admission> => {
    try {
      return await askShared(admitTo, build, signalOf);
    } catch (error) {
      if (!(error instanceof CounterStoreUnavailable)) throw error;
      const needsStore = failClosed || build(clock.now() + offsetMs).holdings.length > 0;
      if (!fallback || needsStore) throw unavailable(error.message, error);
    }
    metrics.fallbacks.inc();
    const { request, answer } = await ask(fallback, admitTo, build, signalOf);
    fallbackAdmissions.add(request);
    return answer;
  };

  return {
    admit(build, signalOf) {
      if (store.atOnce) {
        const nowMs = clock.now();
        const answer = store.atOnce.admit(build(nowMs + offsetMs));
        offsetMs = answer.nowMs - nowMs;
        if (!isNotYet(answer)) return answer;
      }
      return admitLater(build, signalOf);
    },
    async inspect(build, signal) {
      try {
        return await askShared(inspectIn, build, () => signal);
      } catch (error) {
        if (!(error instanceof CounterStoreUnavailable)) throw error;
        throw unavailable(error.message, error);
      }
    },
    isFallbackAdmission: (admission) => fallbackAdmissions.has(admission),
  };
}

const admitTo = (store: CounterStore, request: AdmitRequest): Promise<AdmitResult> => store.admit(request);
const inspectIn = (store: CounterStore, request: InspectRequest): Promise<InspectResult> =>
  store.inspect(request);

function isNotYet(answer: Answer): answer is NotYet {
  return answer.kind === 'unseeded' || answer.kind === 'stale';
}

async function seed(
  seeder: Seeder,
  request: SeedRequest,
  answer: Unseeded,
  signal: AbortSignal,
): Promise<void> {
  try {
    await seeder.seed(request, answer, signal);
  } catch (error) {
    // The caller's own reason (client gone, deadline) and a store that went away mean what they say.
    if (signal.aborted || error instanceof CounterStoreUnavailable) throw error;
    throw unavailable('counters could not be read', error);
  }
}

function unavailable(message: string, cause: unknown): AppError {
  return new AppError(
    'DEPENDENCY_UNAVAILABLE',
    'Limits and budgets cannot be checked at the moment. Try again.',
    {
      message,
      cause,
      retryAfterSeconds: RETRY_AFTER_SECONDS,
    },
  );
}
