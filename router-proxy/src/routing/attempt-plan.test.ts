import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Deployments } from '@weir/counters/deployments/contract';
import { createLocalDeployments } from '@weir/counters/deployments/local';
import { newUuid } from '@weir/kernel/ids';
import { aModel, anAccount, aPolicy, aProviderKey, type SnapshotParts } from '../test-policy.ts';
import { chatCompletions } from '../endpoints/chat-completions.ts';
import { AttemptPlan, type Candidate } from './attempt-plan.ts';
import { createKeyRotation } from './key-rotation.ts';
import { routeModel } from './model-route.ts';

const broken = { reason: 'broken', retryAfterMs: null } as const;

function rig(parts: SnapshotParts) {
  let nowMs = 1_000_000;
  const clock = { now: () => nowMs };
  const policy = aPolicy(parts);
  const deployments = createLocalDeployments({ clock, random: () => 0 });
  const refused = new Set<string>();
  const refusedKeys = {
    get isEmpty() {
      return refused.size === 0;
    },
    has: ({ name }: { readonly name: string }) => refused.has(name),
    refuse: () => undefined,
    unusable: () => undefined,
    stop: () => undefined,
  };
  const deps = { deployments, refusedKeys, rotation: createKeyRotation(), clock };
  const plan = (given: Deployments = deployments): AttemptPlan =>
    new AttemptPlan(
      { policy, route: routeModel(policy, 'gpt-test'), endpoint: chatCompletions, stickiness: null },
      { ...deps, deployments: given },
    );
  return {
    deployments,
    refused,
    plan,
    next: async () => plan().next(),
    all: (given?: Deployments) => drained(plan(given)),
    wait: (ms: number) => void (nowMs += ms),
  };
}

async function drained(plan: AttemptPlan): Promise<readonly Candidate[]> {
  const asked: Candidate[] = [];
  for (let candidate = await plan.next(); candidate; candidate = await plan.next()) asked.push(candidate);
  return asked;
}

const keyOn = (level: number, name: string, weight = 1) => aProviderKey({ level, name, weight });
const names = (asked: readonly Candidate[]) => asked.map(({ target }) => target.key.name);
const decisions = (asked: readonly Candidate[]) => asked.map(({ decision }) => decision);
const over = (from: number, to: number) => ({ from, to });

describe('an attempt plan', () => {
  it('tries every key of the Level once and then stays there without a gear', async () => {
    const { all } = rig({
      providerKeys: [keyOn(1, 'a'), keyOn(1, 'b'), keyOn(2, 'c')],
      accounts: [anAccount({ kind: 'OWNER', switchOver: [over(1, 2)] })],
    });
    const asked = await all();
    expect([...names(asked)].sort()).toEqual(['a', 'b']);
    expect(decisions(asked)).toEqual(['PRIMARY', 'FAILOVER']);
  });

  it('follows Switch Over in gear 1, each Level once, also in a circle', async () => {
    const { all } = rig({
      providerKeys: [keyOn(1, 'a'), keyOn(2, 'b'), keyOn(3, 'c')],
      accounts: [anAccount({ kind: 'OWNER', gear: 1, switchOver: [over(1, 2), over(2, 3), over(3, 1)] })],
    });
    expect(names(await all())).toEqual(['a', 'b', 'c']);
  });

  it.each([
    { who: 'an account above', above: [1, 3], key: null },
    { who: 'the key', above: null, key: [1, 3] },
  ])('does not drift to a Level that $who forbids', async ({ above, key }) => {
    const { all } = rig({
      providerKeys: [keyOn(1, 'a'), keyOn(2, 'b')],
      accounts: [
        anAccount({ kind: 'OWNER', allowLevels: above }),
        anAccount({ gear: 1, switchOver: [over(1, 2)] }),
      ],
      key: { allowLevels: key },
    });
    expect(names(await all())).toEqual(['a']);
  });

  it('starts on the Level of its model even where lists bound the drift to others', async () => {
    const { all } = rig({ providerKeys: [keyOn(1, 'a')], key: { allowLevels: [] } });
    expect(names(await all())).toEqual(['a']);
  });

  it('hands over to another model only in gear 2, to each once', async () => {
    const models = async (gear: number) => {
      const modelFailover = [
        { pattern: 'gpt-*', target: 'spare' },
        { pattern: 'spare', target: 'gpt-test' },
      ];
      const { all } = rig({
        models: [aModel('gpt-test'), aModel('spare')],
        providerKeys: [keyOn(1, 'a')],
        accounts: [anAccount({ kind: 'OWNER', gear, modelFailover })],
      });
      return (await all()).map(({ route }) => route.model.name);
    };
    expect(await models(2)).toEqual(['gpt-test', 'spare']);
    expect(await models(1)).toEqual(['gpt-test']);
  });

  it('does not hand over past a list above the account that names the other model', async () => {
    const { all } = rig({
      models: [aModel('gpt-test'), aModel('spare')],
      providerKeys: [keyOn(1, 'a')],
      accounts: [
        anAccount({ kind: 'OWNER', allowModels: ['gpt-test'] }),
        anAccount({ gear: 2, modelFailover: [{ pattern: '*', target: 'spare' }] }),
      ],
    });
    expect((await all()).map(({ route }) => route.model.name)).toEqual(['gpt-test']);
  });

  it('asks degraded keys when no healthy one of their Level is left, before it moves on', async () => {
    const { all } = rig({
      providerKeys: [
        aProviderKey({ name: 'ill', isDegraded: true, weight: 100 }),
        keyOn(1, 'well'),
        keyOn(2, 'far'),
      ],
      accounts: [anAccount({ kind: 'OWNER', gear: 1, switchOver: [over(1, 2)] })],
    });
    const asked = await all();
    expect(names(asked)).toEqual(['well', 'ill', 'far']);
    expect(decisions(asked)).toEqual(['PRIMARY', 'FAILOVER', 'FAILOVER']);
  });

  it('uses degraded keys where a Level has no others', async () => {
    const { all } = rig({ providerKeys: [aProviderKey({ isDegraded: true })] });
    expect(decisions(await all())).toEqual(['PRIMARY']);
  });

  it('gives drained keys nothing', async () => {
    const { all } = rig({ providerKeys: [keyOn(1, 'drained', 0), keyOn(1, 'full')] });
    expect(names(await all())).toEqual(['full']);
  });

  it('leaves refused keys out', async () => {
    const { refused, all } = rig({ providerKeys: [keyOn(1, 'a'), keyOn(1, 'b')] });
    refused.add('a');
    expect(names(await all())).toEqual(['b']);
  });

  it('passes over sleeping keys and says when the first one wakes', async () => {
    const { deployments, plan, next, all, wait } = rig({ providerKeys: [keyOn(1, 'a'), keyOn(1, 'b')] });
    for (const retryAfterMs of [9_000, 7_000]) {
      const candidate = await next();
      if (candidate) deployments.failed(candidate.claim, { reason: 'throttled', retryAfterMs });
    }
    const asleep = plan();
    expect(await asleep.next()).toBeUndefined();
    expect(asleep.soonestWakeMs()).toBe(7_000);
    wait(7_000);
    expect(await all()).toHaveLength(1);
  });

  it('says when the first of the keys wakes that failed this very request, or that one it left is awake', async () => {
    const { deployments, plan } = rig({ providerKeys: [keyOn(1, 'a'), keyOn(1, 'b')] });
    const failing = plan();
    for (const [retryAfterMs, soonestMs] of [
      [9_000, 0],
      [7_000, 7_000],
    ] as const) {
      const candidate = await failing.next();
      if (candidate) deployments.failed(candidate.claim, { reason: 'throttled', retryAfterMs });
      expect(failing.soonestWakeMs()).toBe(soonestMs);
    }
    expect(await failing.next()).toBeUndefined();
    expect(failing.soonestWakeMs()).toBe(7_000);
  });

  it('promises nothing of a key whose secret its provider refused', async () => {
    const { refused, plan } = rig({ providerKeys: [keyOn(1, 'a')] });
    const failing = plan();
    await failing.next();
    refused.add('a');
    expect(await failing.next()).toBeUndefined();
    expect(failing.soonestWakeMs()).toBe(Number.POSITIVE_INFINITY);
  });

  it('tests a broken key with one request while the others go elsewhere', async () => {
    const { deployments, plan, next, wait } = rig({ providerKeys: [keyOn(1, 'a')] });
    const candidate = await next();
    if (candidate) deployments.failed(candidate.claim, broken);
    wait(15_000);
    const probing = await next();
    expect(probing?.claim.probe).not.toBeNull();
    const waiting = plan();
    expect(await waiting.next()).toBeUndefined();
    expect(waiting.soonestWakeMs()).toBe(1_000);
  });

  it('moves on when another proxy tests the deployment', async () => {
    const { deployments, all } = rig({ providerKeys: [keyOn(1, 'a'), keyOn(1, 'b')] });
    const deny: Deployments = { ...deployments, claim: () => Promise.resolve(null) };
    expect(await all(deny)).toEqual([]);
    let claims = 0;
    const denyFirst: Deployments = {
      ...deployments,
      claim: async (deployment) => (++claims === 1 ? null : deployments.claim(deployment)),
    };
    expect(await all(denyFirst)).toHaveLength(1);
  });

  it('calls it a failover when the primary Level had nobody awake', async () => {
    const { deployments, next } = rig({
      providerKeys: [keyOn(1, 'a'), keyOn(2, 'b')],
      accounts: [anAccount({ kind: 'OWNER', gear: 1, switchOver: [over(1, 2)] })],
    });
    const candidate = await next();
    if (candidate) deployments.failed(candidate.claim, broken);
    expect(await next()).toMatchObject({ decision: 'FAILOVER', target: { key: { name: 'b' } } });
  });

  it('ends, with each key of each Level that it reaches asked once, whatever leads where', async () => {
    const level = fc.integer({ min: 1, max: 5 });
    const world = fc.record({
      keys: fc.array(fc.record({ level, weight: fc.nat(3), isDegraded: fc.boolean() }), { maxLength: 12 }),
      switchOver: fc.uniqueArray(fc.record({ from: level, to: level }), { selector: ({ from }) => from }),
      allowLevels: fc.option(fc.array(level)),
      gear: fc.nat(1),
    });
    await fc.assert(
      fc.asyncProperty(world, async ({ keys, switchOver, allowLevels, gear }) => {
        const { all } = rig({
          providerKeys: keys.map((key) => aProviderKey({ ...key, id: newUuid() })),
          accounts: [anAccount({ kind: 'OWNER', gear, switchOver, allowLevels })],
        });
        const reached = [1];
        for (;;) {
          const to = switchOver.find(({ from }) => from === reached.at(-1))?.to;
          if (gear === 0 || to === undefined || reached.includes(to)) break;
          if (allowLevels && !allowLevels.includes(to)) break;
          reached.push(to);
        }
        const levels = (await all()).map(({ target }) => target.key.level);
        const expected = reached.flatMap((one) =>
          keys.filter((key) => key.level === one && key.weight > 0).map(() => one),
        );
        expect(levels).toEqual(expected);
      }),
    );
  });
});

describe('the rotation', () => {
  it('gives every key its share by weight, to the single request', async () => {
    const weights = fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(weights, fc.integer({ min: 1, max: 3 }), async (given, rounds) => {
        const { next } = rig({ providerKeys: given.map((weight, index) => keyOn(1, String(index), weight)) });
        const counts = given.map(() => 0);
        const total = given.reduce((sum, weight) => sum + weight, 0);
        for (let request = 0; request < rounds * total; request++) {
          const index = Number((await next())?.target.key.name);
          counts[index] = (counts[index] ?? 0) + 1;
        }
        expect(counts).toEqual(given.map((weight) => weight * rounds));
      }),
    );
  });
});
