import { setTimeout as delay } from 'node:timers/promises';
import type { AttemptIntent } from '@weir/contracts/attempt-record';
import type {
  AdmitRequest,
  AdmitResult,
  CounterStore,
  HoldingSeed,
  WindowLimit,
  WindowSeed,
} from '@weir/counters/contract';
import { parseUuid, type Uuid } from '@weir/kernel/ids';
import type { LedgerClient, Position } from './ledger-client.ts';
import type { MeteringMetrics } from './metrics.ts';
import { encodeEvidence } from './record-codec.ts';
import { unlessAborted } from './unless-aborted.ts';

/** Whatever was asked of the store when counters turned out to be missing. */
export type SeedRequest = Pick<AdmitRequest, 'organizationId' | 'day' | 'holdings'>;

export type Unseeded = Extract<AdmitResult, { kind: 'unseeded' }>;

/** Fills the counters that a store has lost, or never had, from Postgres. */
export interface Seeder {
  /**
   * Resolves when the counters of the answer were told to the store; asked for by several requests at once, each is
   * read once. Rejects when they could not be read, or with the signal's reason.
   */
  seed(request: SeedRequest, answer: Unseeded, signal: AbortSignal): Promise<void>;
}

export interface SeederOptions {
  readonly store: CounterStore;
  readonly ledger: LedgerClient;
  /** Resolves when everything this process knows of is in Postgres. */
  readonly isRecorded: (signal: AbortSignal) => Promise<void>;
  /** Whether windows start empty when Postgres cannot be read, rather than refuse requests. */
  readonly emptyWindowsWithoutLedger: boolean;
  readonly timeoutMs: number;
  /** How long the store believes in attempts that it knows from Postgres alone. */
  readonly leaseMs: number;
  readonly metrics: MeteringMetrics;
}

const CLOSED_SKEW_MS = 10_000;
const CLOSED_MAX_MS = 180_000;

export function createSeeder(options: SeederOptions): Seeder {
  const { store, ledger, isRecorded, emptyWindowsWithoutLedger, timeoutMs, leaseMs, metrics } = options;
  const flights = new Map<string, Promise<void>>();

  /** Joins the flights of the items and starts one for those that have none. */
  const together = <T>(
    items: readonly T[],
    keyOf: (item: T) => string,
    start: (own: readonly T[]) => Promise<void>,
  ): Promise<unknown> => {
    const joined = new Set<Promise<void>>();
    const own: T[] = [];
    for (const item of items) {
      const flight = flights.get(keyOf(item));
      if (flight) joined.add(flight);
      else own.push(item);
    }
    if (own.length > 0) {
      const flight = start(own).finally(() => {
        for (const item of own) flights.delete(keyOf(item));
      });
      for (const item of own) flights.set(keyOf(item), flight);
      joined.add(flight);
    }
    return Promise.all(joined);
  };

  const seedWindows = async (
    request: SeedRequest,
    answer: Unseeded,
    windows: readonly WindowLimit[],
  ): Promise<void> => {
    const { organizationId, day } = request;
    let seeds: readonly WindowSeed[];
    try {
      const query = { organizationId, atMs: answer.nowMs, dayStartMs: day.startMs, windows };
      const counts = await ledger.windowCounts(query);
      seeds = windows.map((window, index) => ({ window, current: 0, previous: 0, ...counts[index] }));
    } catch (error) {
      if (!emptyWindowsWithoutLedger) throw error;
      seeds = windows.map((window) => ({ window, current: 0, previous: 0 }));
    }
    const { epoch, nowMs } = answer;
    await store.seed({ organizationId, epoch, day, windows: seeds, holdings: [], leaseMs, asOfMs: nowMs });
    metrics.seeds.inc(seeds.length);
  };

  const seedHoldings = async (
    request: SeedRequest,
    answer: Unseeded,
    counters: readonly string[],
  ): Promise<void> => {
    const signal = AbortSignal.timeout(timeoutMs);
    // Proxies re-assert what they hold before Postgres is read, and what this one queued is written first.
    if (answer.opensInMs > 0) await delay(answer.opensInMs, undefined, { signal });
    await isRecorded(signal);
    const closedSinceMs = Math.max(answer.openedAtMs - CLOSED_SKEW_MS, answer.nowMs - CLOSED_MAX_MS);
    // Days of later dates cannot have been admitted against a counter that was not seeded, so the day is end enough.
    const periodEndMs = request.day.endMs;
    const positions = await ledger.positions(
      counters.map((counter) => ({ ...parseCounter(counter), periodEndMs, closedSinceMs })),
    );
    const holdings = counters.map((counter, index) => toHoldingSeed(counter, request, positions[index]));
    const { organizationId, day } = request;
    await store.seed({ organizationId, epoch: answer.epoch, day, windows: [], holdings, leaseMs });
    metrics.seeds.inc(holdings.length);
  };

  return {
    async seed(request, answer, signal) {
      const scope = `${request.organizationId} ${answer.epoch}`;
      const seeded = Promise.all([
        together(
          answer.windows,
          (window) => `${scope} ${window.metric} ${window.window} ${window.subject}`,
          (own) => seedWindows(request, answer, own),
        ),
        together(
          answer.holdings,
          (counter) => `${scope} ${counter}`,
          (own) => seedHoldings(request, answer, own),
        ),
      ]);
      await unlessAborted(seeded, signal);
    },
  };
}

function toHoldingSeed(counter: string, request: SeedRequest, position: Position | undefined): HoldingSeed {
  const metric =
    position?.metric ?? request.holdings.find((holding) => holding.counter === counter)?.metric ?? 'COST';
  // A budget that is gone holds nobody back; the policy without it is on its way.
  if (!position) return { counter, metric, committed: 0n, open: [] };
  return {
    counter,
    metric,
    committed: position.committed > 0n ? position.committed : 0n,
    open: position.open.map((intent) => ({
      attemptId: intent.attemptId,
      held: heldBy(intent, metric),
      evidence: encodeEvidence(intent),
    })),
    closed: position.closed,
  };
}

function heldBy(intent: AttemptIntent, metric: Position['metric']): bigint {
  if (metric === 'COST') return intent.holdCost;
  return metric === 'TOKENS' ? BigInt(intent.holdTokens) : 1n;
}

/** `bud:<uuid>:<period start in Unix milliseconds>`. */
function parseCounter(counter: string): { budgetId: Uuid; periodStartMs: number } {
  const match = /^bud:([0-9a-f-]{36}):(-?\d{1,16})$/.exec(counter);
  if (!match) throw new TypeError(`not a budget's counter: ${counter.slice(0, 64)}`);
  return { budgetId: parseUuid(match[1] ?? ''), periodStartMs: Number(match[2]) };
}
