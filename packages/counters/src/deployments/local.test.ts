import { describe, expect, it } from 'vitest';
import type { Claim } from './contract.ts';
import { createLocalDeployments, type LocalDeploymentsOptions } from './local.ts';
import { describeDeployments } from './suite.ts';

function build(options: Partial<LocalDeploymentsOptions> = {}) {
  const clock = { nowMs: 1_000_000 };
  const deployments = createLocalDeployments({
    clock: { now: () => clock.nowMs },
    random: () => 0,
    ...options,
  });
  const fail = (deployment: string): void => {
    const claim = deployments.claim(deployment) as Claim;
    deployments.failed(claim, { reason: 'broken', retryAfterMs: null });
  };
  return { clock, deployments, fail };
}

describe('deployments of one proxy', () => {
  describeDeployments(() => {
    const { clock, deployments } = build();
    const proxies = [deployments, deployments] as const;
    return Promise.resolve({
      proxies,
      clock,
      settle: () => Promise.resolve(),
      close: () => deployments.close(),
    });
  }, 500);

  it('wake up to a tenth of their sleep late, each in an instant of its own', () => {
    const { clock, deployments, fail } = build({ random: () => 0.5 });
    fail('d');
    expect(deployments.stateOf('d')).toMatchObject({ untilMs: clock.nowMs + 15_750 });
  });

  it('keep no more entries than they may, and forget first what matters shortest', () => {
    const { clock, deployments, fail } = build({ entriesMax: 2 });
    fail('a');
    clock.nowMs += 1;
    fail('b');
    fail('c');
    expect(['a', 'b', 'c'].map((name) => deployments.stateOf(name).kind)).toEqual([
      'awake',
      'sleeping',
      'sleeping',
    ]);
  });

  it('are quiet again when everything known is over', () => {
    const { clock, deployments, fail } = build();
    fail('a');
    expect(deployments.isQuiet).toBe(false);
    clock.nowMs += 15_000 + 3_600_000;
    deployments.stateOf('a');
    expect(deployments.isQuiet).toBe(true);
  });

  it('tell of each change that this process made', () => {
    const changed: string[] = [];
    const { clock, deployments, fail } = build({ onChange: (deployment) => void changed.push(deployment) });
    fail('a');
    clock.nowMs += 15_000;
    deployments.succeeded(deployments.claim('a') as Claim);
    expect(changed).toEqual(['a', 'a']);
  });
});
