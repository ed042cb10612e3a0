import { describe, expect, it } from 'vitest';
import { aModel, anAccount, aPolicy, aProviderKey } from '../test-policy.ts';
import { createAttemptPlan } from './attempt-plan.ts';
import { createKeyHealth } from './key-health.ts';
import { createKeyRotation } from './key-rotation.ts';
import { routeModel } from './model-route.ts';
import type { SnapshotParts } from '../test-policy.ts';

function rig(parts: SnapshotParts) {
  let nowMs = 1_000_000;
  const clock = { now: () => nowMs };
  const policy = aPolicy(parts);
  const deps = { health: createKeyHealth(clock), rotation: createKeyRotation(), clock };
  const plan = () => createAttemptPlan(policy, routeModel(policy, 'gpt-test'), 'chat/completions', deps);
  const all = () => {
    const one = plan();
    return Array.from({ length: 20 }, () => one.next()).flatMap((candidate) => candidate ?? []);
  };
  return { health: deps.health, plan, all, wait: (ms: number) => void (nowMs += ms) };
}

const keyOn = (level: number, name: string, weight = 1) => aProviderKey({ level, name, weight });

describe('an attempt plan', () => {
  it('tries every key of the Level once and then stays there without a gear', () => {
    const { all } = rig({
      providerKeys: [keyOn(1, 'a'), keyOn(1, 'b'), keyOn(2, 'c')],
      accounts: [anAccount({ kind: 'OWNER', switchOver: [{ from: 1, to: 2 }] })],
    });
    const asked = all();
    expect(asked.map(({ target }) => target.key.name).sort()).toEqual(['a', 'b']);
    expect(asked.map(({ decision }) => decision)).toEqual(['PRIMARY', 'FAILOVER']);
  });

  it('follows Switch Over in gear 1, each Level once, also in a circle', () => {
    const { all } = rig({
      providerKeys: [keyOn(1, 'a'), keyOn(2, 'b'), keyOn(3, 'c')],
      accounts: [
        anAccount({
          kind: 'OWNER',
          gear: 1,
          switchOver: [
            { from: 1, to: 2 },
            { from: 2, to: 3 },
            { from: 3, to: 1 },
          ],
        }),
      ],
    });
    expect(all().map(({ target }) => target.key.name)).toEqual(['a', 'b', 'c']);
  });

  it('does not drift to a Level that an account above forbids', () => {
    const { all } = rig({
      providerKeys: [keyOn(1, 'a'), keyOn(2, 'b')],
      accounts: [
        anAccount({ kind: 'OWNER', allowLevels: [1, 3] }),
        anAccount({ gear: 1, switchOver: [{ from: 1, to: 2 }] }),
      ],
    });
    expect(all().map(({ target }) => target.key.name)).toEqual(['a']);
  });

  it('hands over to another model only in gear 2', () => {
    const models = (gear: number) => {
      const accounts = [
        anAccount({ kind: 'OWNER', gear, modelFailover: [{ pattern: 'gpt-*', target: 'spare' }] }),
      ];
      const { all } = rig({
        models: [aModel('gpt-test'), aModel('spare')],
        providerKeys: [keyOn(1, 'a')],
        accounts,
      });
      return all().map(({ route }) => route.model.name);
    };
    expect(models(2)).toEqual(['gpt-test', 'spare']);
    expect(models(1)).toEqual(['gpt-test']);
  });

  it('does not hand over past a list above the account that names the other model', () => {
    const { all } = rig({
      models: [aModel('gpt-test'), aModel('spare')],
      providerKeys: [keyOn(1, 'a')],
      accounts: [
        anAccount({ kind: 'OWNER', allowModels: ['gpt-test'] }),
        anAccount({ gear: 2, modelFailover: [{ pattern: '*', target: 'spare' }] }),
      ],
    });
    expect(all().map(({ route }) => route.model.name)).toEqual(['gpt-test']);
  });

  it('gives keys their share by weight', () => {
    const { plan } = rig({ providerKeys: [keyOn(1, 'heavy', 3), keyOn(1, 'light', 1)] });
    const first = Array.from({ length: 400 }, () => plan().next()?.target.key.name);
    expect(first.filter((name) => name === 'heavy')).toHaveLength(300);
  });

  it('passes over sleeping keys and says when the first one wakes', () => {
    const { health, plan, all, wait } = rig({ providerKeys: [keyOn(1, 'a')] });
    const candidate = plan().next();
    health.failed(candidate?.deployment ?? '', { kind: 'throttled', status: 429, retryAfterMs: 7_000 });
    const asleep = plan();
    expect(asleep.next()).toBeUndefined();
    expect(asleep.soonestWakeMs()).toBe(7_000);
    wait(7_000);
    expect(all()).toHaveLength(1);
  });

  it('calls it a failover when the primary Level had nobody awake', () => {
    const { health, plan } = rig({
      providerKeys: [keyOn(1, 'a'), keyOn(2, 'b')],
      accounts: [anAccount({ kind: 'OWNER', gear: 1, switchOver: [{ from: 1, to: 2 }] })],
    });
    health.failed(plan().next()?.deployment ?? '', { kind: 'broken', status: 500 });
    expect(plan().next()).toMatchObject({ decision: 'FAILOVER', target: { key: { name: 'b' } } });
  });
});

describe('key health', () => {
  it('lets one request test a broken deployment, and everybody back when it succeeds', () => {
    const { health, wait } = rig({});
    health.failed('d', { kind: 'broken', status: 500 });
    expect(health.claim('d')).toBe(false);
    wait(15_000);
    expect(health.claim('d')).toBe(true);
    expect(health.claim('d')).toBe(false);
    health.succeeded('d');
    expect(health.claim('d') && health.claim('d')).toBe(true);
  });

  it('sleeps twice as long after each failed test, ten minutes at most', () => {
    const { health, wait } = rig({});
    const sleeps: number[] = [];
    for (let round = 0; round < 9; round++) {
      health.failed('d', { kind: 'timeout', wasSent: true });
      let slept = 0;
      while (!health.claim('d')) {
        wait(1_000);
        slept++;
      }
      sleeps.push(slept);
    }
    expect(sleeps).toEqual([15, 30, 60, 120, 240, 480, 600, 600, 600]);
  });

  it('takes failures of requests that were under way for one failure', () => {
    const { health } = rig({});
    for (let count = 0; count < 5; count++) health.failed('d', { kind: 'broken', status: 500 });
    expect(health.availableAtMs('d')).toBe(1_000_000 + 15_000);
  });

  it('gives the test to another request when its own said nothing', () => {
    const { health, wait } = rig({});
    health.failed('d', { kind: 'broken', status: 500 });
    wait(15_000);
    health.claim('d');
    health.released('d');
    expect(health.claim('d')).toBe(true);
  });
});
