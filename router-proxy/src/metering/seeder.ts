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

/** Clocks of stores and of Postgres differ by less. */
const CLOCKS_SKEW_MS = 10_000;
/**
 * A counter that begins while requests run has to find those in Postgres that nobody held on it: of credit at midnight the
 * attempts of the day before, of a budget that begins to block what proxies admitted before they heard of it. Policies and
 * intents take a fraction of this; what could not be written by then counts from the next seed on.
 */
const RECORDED_MS = 1_000;
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

  /** In the order of the names. Budgets and credit are read side by side; each counter from one snapshot. */
  const readPositions = async (
    names: readonly CounterName[],
    periodEndMs: number,
    closedSinceMs: number,
  ): Promise<readonly (Position | undefined)[]> => {
    const budgets = names.filter(({ kind }) => kind === 'bud');
    const credits = names.filter(({ kind }) => kind === 'crd');
    const [ofBudgets, ofCredits] = await Promise.all([
      budgets.length === 0
        ? []
        : ledger.positions(
            budgets.map(({ id, startMs }) => ({
              budgetId: id,
              periodStartMs: startMs,
              periodEndMs,
              closedSinceMs,
            })),
          ),
      credits.length === 0
        ? []
        : ledger.creditPositions(
            credits.map(({ id, startMs }) => ({ accountId: id, dayStartMs: startMs, closedSinceMs })),
          ),
    ]);
    return names.map((name) =>
      name.kind === 'bud' ? ofBudgets[budgets.indexOf(name)] : ofCredits[credits.indexOf(name)],
    );
  };

  const seedHoldings = async (
    request: SeedRequest,
    answer: Unseeded,
    counters: readonly string[],
  ): Promise<void> => {
    const signal = AbortSignal.timeout(timeoutMs);
    // Proxies re-assert what they hold before Postgres is read, and what this one queued is written first.
    const names = counters.map(parseCounter);
    const waitMs = Math.max(answer.opensInMs, recordWaitMs(names, answer.nowMs));
    if (waitMs > 0) await delay(waitMs, undefined, { signal });
    await isRecorded(signal);
    const closedSinceMs = Math.max(answer.openedAtMs - CLOCKS_SKEW_MS, answer.nowMs - CLOSED_MAX_MS);
    // Days of later dates cannot have been admitted against a counter that was not seeded, so the day is end enough.
    const periodEndMs = request.day.endMs;
    const positions = await readPositions(names, periodEndMs, closedSinceMs);
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

/** How long to wait before counters are read. */
function recordWaitMs(counters: readonly CounterName[], nowMs: number): number {
  const waits = counters.map(({ kind, startMs, sinceMs }) => {
    if (nowMs - sinceMs < CLOCKS_SKEW_MS) return RECORDED_MS;
    return kind === 'crd' ? startMs + RECORDED_MS - nowMs : 0;
  });
  return Math.max(0, ...waits);
}

interface CounterName {
  readonly kind: 'bud' | 'crd';
  readonly id: Uuid;
  readonly startMs: number;
  /** By the clock of Postgres, since when it holds anybody back; minus infinity for longer than it matters. */
  readonly sinceMs: number;
}

/** What `holdings.ts` calls counters: `bud:<budget>:<period start>` or `crd:<account>:<day start>`, then perhaps `:<since>`. */
function parseCounter(counter: string): CounterName {
  const match = /^(bud|crd):([0-9a-f-]{36}):(-?\d{1,16})(?::(\d{1,16}))?$/.exec(counter);
  if (!match) throw new TypeError(`not a counter of a budget or of credit: ${counter.slice(0, 64)}`);
  const kind = match[1] === 'crd' ? 'crd' : 'bud';
  const sinceMs = match[4] === undefined ? Number.NEGATIVE_INFINITY : Number(match[4]);
  return { kind, id: parseUuid(match[2] ?? ''), startMs: Number(match[3]), sinceMs };
}
