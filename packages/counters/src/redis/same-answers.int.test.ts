import fc from 'fast-check';
import { Redis } from 'ioredis';
import { newUuid } from '@weir/kernel/ids';
import { testRedisUrl } from '@weir/testkit/redis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AdmitRequest, AdmitResult, CounterStore, HoldingSeed, Seed } from '../contract.ts';
import { createLocalCounterStore } from '../local/store.ts';
import { DAY_MS, NOON } from '../suite/rig.ts';
import { anyRoute, anyTurnStep, ROUTES, type Ask, type Route, type TurnStep } from '../suite/turn-steps.ts';
import { createRedisCounterStore } from './store.ts';

const url = testRedisUrl();
const RUNS = 150;
const QUARANTINE_MS = 1_000;
/** Begins all keys of this file. */
const PREFIX = `test-${crypto.randomUUID()}`;
const BEFORE_MIDNIGHT = NOON + DAY_MS / 2 - 120_000;

type Unseeded = Extract<AdmitResult, { kind: 'unseeded' }>;

interface Known {
  readonly request: AdmitRequest;
  readonly cap: number | null;
  hasEnded: boolean;
}

/** Every store calls its epochs as it likes. */
function comparable(answer: unknown): unknown {
  if (Array.isArray(answer)) return answer.map(comparable);
  return typeof answer === 'object' && answer !== null && 'epoch' in answer
    ? { ...answer, epoch: '' }
    : answer;
}

/** A counter store in process and one on Redis that live in the same world. */
class Twins {
  readonly #redis: Redis;
  readonly #routes: Route[];
  readonly #known: Known[] = [];
  readonly #organizationId = newUuid();
  #nowMs: number;
  #stores: readonly [CounterStore, CounterStore];
  #zoneMs = 0;
  #state = 1;

  constructor(redis: Redis, startMs: number, routes: readonly Route[]) {
    this.#redis = redis;
    this.#nowMs = startMs;
    this.#routes = [...routes];
    this.#stores = this.#open();
  }

  async play(step: TurnStep): Promise<void> {
    const organizationId = this.#organizationId;
    switch (step.do) {
      case 'turn':
        return this.#turn(step);
      case 'change':
        this.#routes[step.route] = step.to;
        return;
      case 'move':
        this.#zoneMs = step.hours * 3_600_000;
        return;
      case 'flush':
        this.#stores = this.#open();
        // The epoch begins with a look, lest one store begins it with something that the other need not answer.
        await this.#both((store) => store.inspect(this.#requestFor({ route: 0, cap: 1, capMin: 1 })));
        return;
      case 'inspect':
        await this.#both((store) =>
          store.inspect(this.#requestFor({ route: step.route, cap: 1, capMin: 1 })),
        );
        return;
      case 'renew': {
        const ids = this.#known.filter(({ hasEnded }) => !hasEnded).map(({ request }) => request.attemptId);
        await this.#both(async (store) => (await store.renew(organizationId, ids, 60_000)).toSorted());
        return;
      }
      case 'expired':
        await this.#both(async (store) =>
          (await store.expired(0, 1_000)).toSorted((a, b) => (a.attemptId < b.attemptId ? -1 : 1)),
        );
        return;
      case 'conclude': {
        const ids = this.#chosen(step.which).map(({ request }) => request.attemptId);
        await this.#both((store) => store.conclude(organizationId, ids));
        await this.#both((store) => store.leased(organizationId, ids));
        return;
      }
      case 'reassert':
        for (const { request, cap } of this.#chosen(step.which))
          await this.#both((store) => store.reassert(request, cap));
    }
  }

  async #turn({ waitMs, ends, asks }: Extract<TurnStep, { do: 'turn' }>): Promise<void> {
    this.#nowMs += waitMs;
    const settlements = ends.flatMap(({ which, leavesEvidence, ...amounts }) =>
      this.#chosen(which).map((attempt) => {
        attempt.hasEnded = true;
        const { organizationId, attemptId } = attempt.request;
        const evidence = leavesEvidence ? { evidence: 'close' } : {};
        return { ...amounts, ...evidence, organizationId, attemptId };
      }),
    );
    const requests = asks.map((ask) => this.#requestFor(ask));
    const [ofLocal, ofRedis] = await this.#both(async (store) => {
      const settled = settlements.map((settlement) => store.settle(settlement));
      const admitted = requests.map((request) => store.admit(request));
      await Promise.all(settled);
      return await Promise.all(admitted);
    });
    for (const [index, request] of requests.entries()) {
      const [mine, theirs] = [ofLocal[index], ofRedis[index]];
      if (mine?.kind === 'admitted') this.#known.push({ request, cap: mine.outputCap, hasEnded: false });
      if (mine?.kind === 'unseeded' && theirs?.kind === 'unseeded') await this.#seed(request, [mine, theirs]);
    }
  }

  /** With whatever a ledger might say. */
  async #seed(request: AdmitRequest, missing: readonly [Unseeded, Unseeded]): Promise<void> {
    const [{ nowMs, opensInMs, windows, holdings }] = missing;
    this.#nowMs += opensInMs;
    const told: Omit<Seed, 'epoch'> = {
      organizationId: request.organizationId,
      day: request.day,
      windows: windows.map((window) => ({ window, current: this.#upTo(3), previous: this.#upTo(3) })),
      holdings: holdings.map((counter) => this.#positionOf(counter, request)),
      leaseMs: request.leaseMs,
      ...(this.#upTo(1) > 0 ? { asOfMs: nowMs } : {}),
    };
    for (const [index, { epoch }] of missing.entries()) await this.#stores[index]?.seed({ ...told, epoch });
  }

  #positionOf(counter: string, { holdings }: AdmitRequest): HoldingSeed {
    const ids = this.#known.map(({ request }) => request.attemptId);
    const open = ids.filter(() => this.#upTo(3) === 0);
    const closed = ids.filter((id) => !open.includes(id) && this.#upTo(2) === 0);
    return {
      counter,
      metric: holdings.find((holding) => holding.counter === counter)?.metric ?? 'COST',
      committed: BigInt(this.#upTo(20)),
      open: open.map((attemptId) => ({ attemptId, held: BigInt(this.#upTo(10)), evidence: 'seed' })),
      ...(this.#upTo(2) > 0 ? { closed } : {}),
    };
  }

  #requestFor({ route, cap, capMin }: Ask): AdmitRequest {
    const asked = this.#routes[route];
    if (!asked) throw new Error(`no route ${route}`);
    const startMs = Math.floor((this.#nowMs + this.#zoneMs) / DAY_MS) * DAY_MS - this.#zoneMs;
    const day = { startMs, endMs: startMs + DAY_MS };
    return {
      ...asked,
      organizationId: this.#organizationId,
      attemptId: newUuid(this.#nowMs),
      holdings:
        cap === null ? asked.holdings.map((held) => ({ ...held, perOutputToken: 0n })) : asked.holdings,
      day,
      validWithin: day,
      outputCap: cap,
      outputCapMin: capMin,
      evidence: 'intent',
    };
  }

  async #both<T>(ask: (store: CounterStore) => Promise<T>): Promise<readonly [T, T]> {
    const [local, redis] = this.#stores;
    const answers = [await ask(local), await ask(redis)] as const;
    expect(comparable(answers[1])).toEqual(comparable(answers[0]));
    return answers;
  }

  #chosen(which: number): readonly Known[] {
    return this.#known.slice(which % Math.max(1, this.#known.length)).slice(0, 1);
  }

  /** As good as random, and the same whenever the story is told again. */
  #upTo(max: number): number {
    this.#state = (this.#state * 48_271) % 2_147_483_647;
    return this.#state % (max + 1);
  }

  #open(): readonly [CounterStore, CounterStore] {
    const nowMs = (): number => this.#nowMs;
    const prefix = `${PREFIX}-${crypto.randomUUID()}`;
    return [
      createLocalCounterStore({ clock: { now: nowMs }, seedQuarantineMs: QUARANTINE_MS }),
      createRedisCounterStore({ redis: this.#redis, prefix, seedQuarantineMs: QUARANTINE_MS, nowMs }),
    ];
  }
}

describe.skipIf(url === undefined)('a counter store in process and one on Redis', () => {
  let redis: Redis;
  beforeAll(() => {
    redis = new Redis(url ?? '');
  });
  afterAll(async () => {
    for await (const keys of redis.scanStream({ match: `${PREFIX}*`, count: 1_000 }) as AsyncIterable<
      string[]
    >) {
      if (keys.length > 0) await redis.unlink(...keys);
    }
    await redis.quit();
  });

  it('give the same answers, whatever ends and begins in the same turn', async () => {
    const routes = fc.array(anyRoute, { minLength: ROUTES, maxLength: ROUTES });
    const story = fc.asyncProperty(
      fc.constantFrom(NOON, BEFORE_MIDNIGHT),
      routes,
      fc.array(anyTurnStep, { maxLength: 40, size: 'max' }),
      async (startMs, given, steps) => {
        const twins = new Twins(redis, startMs, given);
        for (const step of steps) await twins.play(step);
      },
    );
    await fc.assert(story, { numRuns: RUNS });
  });
});
