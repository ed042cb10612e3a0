import type { Uuid } from '@weir/kernel/ids';
import type { AdmitRequest, AdmitResult, Holding, HoldingSeed } from '../contract.ts';
import { amountFor, countedBy, createLedgerModel, type Amounts, type LedgerRow } from './ledger-model.ts';
import { requestFor, type Rig } from './rig.ts';

/**
 * A world around one counter store: two proxies that write intents and closes to Postgres with a delay, notice
 * flushes, renew leases and may die, and a sweeper. It knows what was really spent, so that a test can compare.
 */
export const PERIOD_MS = 600_000;
export const LEASE_MS = 60_000;
export const CONCURRENCY = 4;

const BUDGETS = {
  cost: { metric: 'COST', limit: 400n, fixed: 3n, perOutputToken: 2n },
  tokens: { metric: 'TOKENS', limit: 150n, fixed: 1n, perOutputToken: 1n },
  lenient: { metric: 'COST', limit: 60n, fixed: 3n, perOutputToken: 2n, graceMs: 30_000 },
  credit: { metric: 'COST', limit: 700n, fixed: 3n, perOutputToken: 2n },
} as const satisfies Record<string, Omit<Holding, 'counter'>>;

export type BudgetName = keyof typeof BUDGETS;

export interface Attempt {
  readonly request: AdmitRequest;
  readonly cap: number;
  readonly proxy: number;
  readonly held: Amounts;
  /** orphan: its proxy died before its close was written. */
  state: 'running' | 'ended' | 'orphan';
  /** What it really used, or may still use. */
  used: Amounts;
  /** What its close says. */
  booked: Amounts;
  leaseUntilMs: number;
}

export type World = ReturnType<typeof createWorld>;

const PROXIES = 2;
/** Writes and settlements are late by less than this and one step, whatever else happens. */
const DELAY_MAX_MS = 10_000;
/** A seeder that takes longer to tell what it read gives up. */
const READ_AGE_MAX_MS = 30_000;
/** Ended attempts are remembered for an hour, so no story is longer than that. */
const STORY_MAX_MS = 2_700_000;

export function createWorld(rig: Rig, organizationId: Uuid) {
  const { clock } = rig;
  const ledger = createLedgerModel();
  const attempts: Attempt[] = [];
  const queues: LedgerRow[][] = Array.from({ length: PROXIES }, () => []);
  /** Ended attempts of which the store has not been told yet. */
  const untold: Set<Attempt>[] = Array.from({ length: PROXIES }, () => new Set<Attempt>());
  /** Attempts that a proxy would re-assert: running, or ended and not written yet. */
  const kept: Set<Attempt>[] = Array.from({ length: PROXIES }, () => new Set<Attempt>());
  let read: { epoch: string; positions: HoldingSeed[]; atMs: number } | undefined;
  const startMs = clock.nowMs;
  let isSlotsSure = true;
  let doneAtMs = startMs;

  const settleWith = (attempt: Attempt, { cost, tokens }: Amounts): Promise<void> => {
    const { attemptId } = attempt.request;
    return rig.store.settle({ organizationId, attemptId, cost, tokens: Number(tokens), requests: 1 });
  };

  const reassert = async (attempt: Attempt): Promise<void> => {
    await rig.store.reassert(attempt.request, attempt.cap);
    attempt.leaseUntilMs = attempt.state === 'running' ? clock.nowMs + LEASE_MS : 0;
    if (attempt.state === 'ended') await settleWith(attempt, attempt.booked);
    untold[attempt.proxy]?.delete(attempt);
  };

  const write = (proxy: number): void => {
    for (const row of queues[proxy]?.splice(0) ?? []) ledger.write(row, clock.nowMs);
    for (const attempt of kept[proxy] ?? []) if (attempt.state === 'ended') kept[proxy]?.delete(attempt);
  };

  /** A proxy may be late to notice a flush when Postgres knows all it has. */
  const notice = async (mayBeLate = false): Promise<void> => {
    for (const [proxy, of] of kept.entries()) {
      if (mayBeLate && queues[proxy]?.length === 0) {
        isSlotsSure = false;
        continue;
      }
      for (const attempt of [...of]) await reassert(attempt);
    }
  };

  const requestOf = (budgets: readonly BudgetName[], asked: number): AdmitRequest => {
    const startMs = Math.floor(clock.nowMs / PERIOD_MS) * PERIOD_MS;
    return requestFor(rig, organizationId, {
      concurrency: [{ subject: 'key', limit: CONCURRENCY }],
      holdings: budgets.map((name) => ({ ...BUDGETS[name], counter: `${name}:${startMs}` })),
      validWithin: { startMs, endMs: startMs + PERIOD_MS },
      outputCap: asked,
      outputCapMin: 5,
      leaseMs: LEASE_MS,
    });
  };

  const seed = (epoch: string, holdings: readonly HoldingSeed[], { day }: AdmitRequest): Promise<void> =>
    rig.store.seed({ organizationId, epoch, day, windows: [], holdings, leaseMs: LEASE_MS });

  /** Seeders wait until what began in the period before is in Postgres, where it counts for credit. */
  const recordForCredit = (counters: readonly string[]): void => {
    if (!counters.some((counter) => counter.startsWith('credit:'))) return;
    for (let proxy = 0; proxy < PROXIES; proxy++) write(proxy);
  };

  /** As a proxy does: wait while others re-assert, read, tell, and ask again. */
  const askSeeding = async (request: AdmitRequest, mayBeLate: boolean): Promise<AdmitResult> => {
    const answer = await rig.store.admit(request);
    if (answer.kind !== 'unseeded') return answer;
    await notice(mayBeLate);
    clock.nowMs += answer.opensInMs;
    recordForCredit(answer.holdings);
    const seeds = answer.holdings.map((counter) => ledger.position(counter, answer.openedAtMs, clock.nowMs));
    await seed(answer.epoch, withMetrics(seeds, request), request);
    return await rig.store.admit(request);
  };

  const record = (request: AdmitRequest, proxy: number, cap: number): void => {
    // All that count COST bound an attempt alike.
    const terms = (name: BudgetName): bigint =>
      BUDGETS[name].fixed + BUDGETS[name].perOutputToken * BigInt(cap);
    const held = { cost: terms('cost'), tokens: terms('tokens') };
    const leaseUntilMs = clock.nowMs + LEASE_MS;
    const attempt: Attempt = {
      request,
      cap,
      proxy,
      held,
      state: 'running',
      used: held,
      booked: held,
      leaseUntilMs,
    };
    attempts.push(attempt);
    kept[proxy]?.add(attempt);
    queues[proxy]?.push({ request, held, close: undefined });
  };

  const end = (attempt: Attempt, booked: Amounts): Promise<void> => {
    attempt.state = 'ended';
    attempt.booked = booked;
    attempt.leaseUntilMs = 0;
    return settleWith(attempt, booked);
  };

  /** Charges the upper bound of what nobody will close any more, or repeats the close that is in the ledger. */
  const closeAbandoned = async (attempt: Attempt): Promise<void> => {
    const close = ledger.closeOf(attempt.request.attemptId) ?? attempt.held;
    ledger.write({ request: attempt.request, held: attempt.held, close }, clock.nowMs);
    await end(attempt, close);
  };

  const tell = async (proxy: number): Promise<void> => {
    for (const attempt of [...(untold[proxy] ?? [])]) {
      untold[proxy]?.delete(attempt);
      await end(attempt, attempt.booked);
    }
  };

  const advance = async (ms: number): Promise<void> => {
    if (clock.nowMs + ms > startMs + STORY_MAX_MS) return;
    const running = kept.flatMap((of) => [...of]).filter((attempt) => attempt.state === 'running');
    const ids = running.map((attempt) => attempt.request.attemptId);
    const lost = new Set(await rig.store.renew(organizationId, ids, LEASE_MS));
    for (const attempt of running) {
      attempt.leaseUntilMs = clock.nowMs + LEASE_MS;
      if (lost.has(attempt.request.attemptId)) await reassert(attempt);
    }
    clock.nowMs += ms;
    if (clock.nowMs - doneAtMs < DELAY_MAX_MS) return;
    doneAtMs = clock.nowMs;
    for (let proxy = 0; proxy < PROXIES; proxy++) {
      await tell(proxy);
      write(proxy);
    }
  };

  const sweep = async (): Promise<void> => {
    const byId = new Map(attempts.map((attempt) => [attempt.request.attemptId, attempt]));
    for (const lease of await rig.store.expired(5000, 1000)) {
      const attempt = lease.organizationId === organizationId ? byId.get(lease.attemptId) : undefined;
      if (attempt !== undefined) await closeAbandoned(attempt);
    }
  };

  return {
    attempts,
    write,
    notice,
    advance,
    sweep,
    async admit(
      proxy: number,
      budgets: readonly BudgetName[],
      asked: number,
      mayBeLate: boolean,
    ): Promise<void> {
      const request = requestOf(budgets, asked);
      const result = await askSeeding(request, mayBeLate);
      if (result.kind === 'admitted') record(request, proxy, result.outputCap ?? 0);
    },
    /** @param isLate The store is told later, by `tell`; the close may reach Postgres before. */
    async settle(attempt: Attempt, share: number, isLate: boolean): Promise<void> {
      const part = (bound: bigint): bigint => (bound * BigInt(share)) / 100n;
      const used = { cost: part(attempt.held.cost), tokens: part(attempt.held.tokens) };
      attempt.used = used;
      queues[attempt.proxy]?.push({ request: attempt.request, held: attempt.held, close: used });
      if (!isLate) {
        await end(attempt, used);
        return;
      }
      attempt.state = 'ended';
      attempt.booked = used;
      untold[attempt.proxy]?.add(attempt);
    },
    tell,
    settleAgain(attempt: Attempt): Promise<void> {
      untold[attempt.proxy]?.delete(attempt);
      return end(attempt, attempt.booked);
    },
    /** With all leases renewed on the way. */
    async nextPeriod(): Promise<void> {
      const endMs = (Math.floor(clock.nowMs / PERIOD_MS) + 1) * PERIOD_MS;
      for (let left = endMs - clock.nowMs; left > 0; left -= 50_000) await advance(Math.min(left, 50_000));
    },
    /** Its closes are lost; its intents are not, because evidence outlives the process. */
    crash(proxy: number): void {
      for (const row of queues[proxy]?.splice(0) ?? [])
        ledger.write({ ...row, close: undefined }, clock.nowMs);
      for (const attempt of kept[proxy] ?? []) attempt.state = 'orphan';
      kept[proxy]?.clear();
      untold[proxy]?.clear();
    },
    /** Nobody's slot outlives a flush unless its proxy says so again. */
    async flush(): Promise<void> {
      await rig.flush();
      for (const attempt of attempts) attempt.leaseUntilMs = 0;
    },
    /** Reads positions as a seeder does, to be told to the store when more has happened. */
    async readPositions(mayBeLate: boolean): Promise<void> {
      const request = requestOf(['cost', 'tokens', 'lenient', 'credit'], 5);
      const answer = await rig.store.admit(request);
      if (answer.kind === 'admitted') record(request, 0, answer.outputCap ?? 0);
      if (answer.kind !== 'unseeded') return;
      await notice(mayBeLate);
      clock.nowMs += answer.opensInMs;
      recordForCredit(answer.holdings);
      const positions = answer.holdings.map((name) => ledger.position(name, answer.openedAtMs, clock.nowMs));
      read = { epoch: answer.epoch, positions: withMetrics(positions, request), atMs: clock.nowMs };
    },
    async tellPositions(): Promise<void> {
      if (read !== undefined && clock.nowMs - read.atMs < READ_AGE_MAX_MS) {
        await seed(read.epoch, read.positions, requestOf([], 5));
      }
      read = undefined;
    },
    async quiesce(): Promise<void> {
      read = undefined;
      for (const attempt of attempts) if (attempt.state === 'running') await this.settle(attempt, 100, false);
      for (let proxy = 0; proxy < PROXIES; proxy++) await tell(proxy);
      for (let proxy = 0; proxy < PROXIES; proxy++) write(proxy);
      await advance(LEASE_MS + 5000);
      await sweep();
      const byId = new Map(attempts.map((attempt) => [attempt.request.attemptId, attempt]));
      for (const row of ledger.open()) {
        const attempt = byId.get(row.request.attemptId);
        if (attempt !== undefined) await closeAbandoned(attempt);
      }
    },
    /** What was really spent, or may still be. */
    exposure: (counter: string): bigint => sumOf(attempts, counter, 'used'),
    booked: (counter: string): bigint => sumOf(attempts, counter, 'booked'),
    /** Every counter; of credit the present one, which all attempts count for. */
    counters: () => {
      const present = `credit:${Math.floor(clock.nowMs / PERIOD_MS) * PERIOD_MS}`;
      const all = attempts.flatMap(({ request }) => request.holdings.map(({ counter }) => counter));
      return [...new Set(all.map((counter) => (counter.startsWith('credit:') ? present : counter)))];
    },
    /** How many occupy slots; 0 when a proxy was late to say so, because its slots may have been given away. */
    busy: () => (!isSlotsSure ? 0 : attempts.filter(({ leaseUntilMs }) => leaseUntilMs > clock.nowMs).length),
    position: (counter: string, openedAtMs: number) => ledger.position(counter, openedAtMs, clock.nowMs),
  };
}

function withMetrics(seeds: readonly HoldingSeed[], request: AdmitRequest): HoldingSeed[] {
  return seeds.map((seed) => ({
    ...seed,
    metric: request.holdings.find(({ counter }) => counter === seed.counter)?.metric ?? seed.metric,
  }));
}

function sumOf(attempts: readonly Attempt[], counter: string, which: 'used' | 'booked'): bigint {
  let sum = 0n;
  for (const attempt of attempts) {
    const holding = countedBy(attempt.request, counter);
    if (holding !== undefined) sum += amountFor(holding.metric, attempt[which]);
  }
  return sum;
}

export function budgetOf(counter: string): Omit<Holding, 'counter'> {
  const [name] = counter.split(':');
  if (name === 'cost' || name === 'tokens' || name === 'lenient' || name === 'credit') return BUDGETS[name];
  throw new Error(`no budget ${counter}`);
}
