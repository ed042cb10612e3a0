import fc from 'fast-check';
import { newUuid } from '@weir/kernel/ids';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { balanceOf, NOON, type CreateRig, type Rig } from './rig.ts';
import { budgetOf, CONCURRENCY, createWorld, type BudgetName, type World } from './world.ts';

type Step =
  | {
      readonly do: 'admit';
      readonly proxy: number;
      readonly budgets: readonly BudgetName[];
      readonly asked: number;
      readonly late: boolean;
    }
  | { readonly do: 'settle'; readonly which: number; readonly share: number; readonly late: boolean }
  | { readonly do: 'settleAgain'; readonly which: number }
  | { readonly do: 'write' | 'tell' | 'crash'; readonly proxy: number }
  | { readonly do: 'advance'; readonly ms: number }
  | { readonly do: 'nextPeriod' | 'flush' | 'notice' | 'sweep' | 'tellPositions' }
  | { readonly do: 'readPositions'; readonly late: boolean };

const proxy = fc.nat({ max: 1 });
const budgets = fc.constantFrom<readonly BudgetName[]>(
  ['cost'],
  ['tokens'],
  ['cost', 'tokens'],
  ['tokens', 'cost'],
  ['lenient'],
  ['lenient', 'tokens'],
  ['credit'],
  ['credit', 'cost'],
);
const late = fc.boolean();
const which = fc.nat({ max: 999 });

const anyStep = fc.oneof<{ weight: number; arbitrary: fc.Arbitrary<Step> }[]>(
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant('admit'),
      proxy,
      budgets,
      asked: fc.integer({ min: 1, max: 60 }),
      late,
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant('settle'), which, share: fc.nat({ max: 100 }), late }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('settleAgain'), which }) },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constantFrom('write', 'write', 'tell', 'tell', 'crash'), proxy }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('advance'), ms: fc.integer({ min: 1, max: 50_000 }) }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('nextPeriod', 'sweep', 'notice') }) },
  { weight: 5, arbitrary: fc.record({ do: fc.constantFrom('flush', 'tellPositions') }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('readPositions'), late }) },
);

async function play(world: World, step: Step): Promise<void> {
  switch (step.do) {
    case 'admit':
      await world.admit(step.proxy, step.budgets, step.asked, step.late);
      return;
    case 'settle': {
      const running = world.attempts.filter(({ state }) => state === 'running');
      const attempt = running[step.which % Math.max(1, running.length)];
      if (attempt !== undefined) await world.settle(attempt, step.share, step.late);
      return;
    }
    case 'settleAgain': {
      const ended = world.attempts.filter(({ state }) => state === 'ended');
      const attempt = ended[step.which % Math.max(1, ended.length)];
      if (attempt !== undefined) await world.settleAgain(attempt);
      return;
    }
    case 'write':
    case 'tell':
    case 'crash':
      await world[step.do](step.proxy);
      return;
    case 'readPositions':
      await world.readPositions(step.late);
      return;
    case 'advance':
      await world.advance(step.ms);
      return;
    default:
      await world[step.do]();
  }
}

/**
 * Checks after every step what has been or may still be spent: never more than the limit, except within a grace of the
 * admission that took it there. Coming back below the limit ends that.
 */
function createBoundsCheck(rig: Rig, world: World): () => void {
  const beyond = new Map<string, { readonly sinceMs: number; readonly exposure: bigint }>();
  return () => {
    for (const counter of world.counters()) {
      const { limit, graceMs = 0 } = budgetOf(counter);
      const exposure = world.exposure(counter);
      if (exposure <= limit) {
        beyond.delete(counter);
        continue;
      }
      const before = beyond.get(counter) ?? { sinceMs: rig.clock.nowMs, exposure: 0n };
      if (exposure > before.exposure) expect(rig.clock.nowMs).toBeLessThan(before.sinceMs + graceMs);
      beyond.set(counter, { ...before, exposure });
    }
    expect(world.busy()).toBeLessThanOrEqual(CONCURRENCY);
  };
}

async function checkBooks(rig: Rig, world: World, organizationId: ReturnType<typeof newUuid>): Promise<void> {
  for (const counter of world.counters()) {
    const balance = await balanceOf(rig, organizationId, counter, {
      holding: (name, { openedAtMs }) => world.position(name, openedAtMs),
    });
    expect({ counter, ...balance }).toEqual({ counter, committed: world.booked(counter), held: 0n });
  }
  const left = await rig.store.expired(-1_000_000, 1000);
  expect(left.filter((lease) => lease.organizationId === organizationId)).toEqual([]);
}

/** @param runs How many stories are played; a store across a network takes longer for each. */
export function describeWorld(createRig: CreateRig, runs: number): void {
  describe('under any interleaving of two proxies, a slow ledger, crashes, flushes and new periods', () => {
    let rig: Rig;
    beforeAll(async () => {
      rig = await createRig({ seedQuarantineMs: 1000 });
    });
    afterAll(() => rig.close());

    it('never lets spend and holds exceed a limit for longer than its grace, and in the end holds nothing and has counted everything once', async () => {
      const story = fc.asyncProperty(fc.array(anyStep, { maxLength: 60, size: 'max' }), async (steps) => {
        rig.clock.nowMs = NOON;
        const organizationId = newUuid();
        const world = createWorld(rig, organizationId);
        const checkBounds = createBoundsCheck(rig, world);
        for (const step of steps) {
          await play(world, step);
          checkBounds();
        }
        await world.quiesce();
        await checkBooks(rig, world, organizationId);
        await world.flush();
        await checkBooks(rig, world, organizationId);
      });
      await fc.assert(story, { numRuns: runs });
    });
  });
}
