import { describe, expect, it } from 'vitest';
import type { Claim } from '@weir/counters/deployments/contract';
import { createLocalDeployments } from '@weir/counters/deployments/local';
import { newUuid } from '@weir/kernel/ids';
import { aPolicy, aProviderKey, aSnapshot } from '../test-policy.ts';
import { compilePolicy } from '../keys/policy.ts';
import { keysShown } from './keys-shown.ts';

const nobody = {
  isEmpty: true,
  has: () => false,
  refuse: () => undefined,
  unusable: () => undefined,
  stop: () => undefined,
};

function shown(
  parts: Parameters<typeof aPolicy>[0],
  deployments = createLocalDeployments({ clock: { now: () => 0 } }),
) {
  return keysShown(aPolicy(parts), deployments, nobody);
}

describe('provider keys as administrators see them', () => {
  it('are told by Level with their state', () => {
    const key = (name: string, level: number, parts = {}) => aProviderKey({ name, level, ...parts });
    const snapshot = {
      ...aSnapshot({
        providerKeys: [
          key('awake', 1),
          key('degraded', 3, { isDegraded: true }),
          key('drained', 2, { weight: 0 }),
          key('misconfigured', 4, { baseUrl: 'none' }),
          key('refused', 5),
        ],
      }),
      unusedProviderKeys: (['KILLED', 'DISABLED'] as const).map((status, index) => ({
        id: newUuid(),
        name: status.toLowerCase(),
        provider: 'openai' as const,
        level: 6 + index,
        status,
        reason: `${status} by somebody`,
      })),
    };
    const refusedKeys = { ...nobody, has: ({ name }: { readonly name: string }) => name === 'refused' };
    const deployments = createLocalDeployments({ clock: { now: () => 0 } });
    const keys = keysShown(compilePolicy(snapshot, 'hash'), deployments, refusedKeys);
    expect(keys.map(({ name, state, reason }) => [name, state, reason])).toEqual([
      ['awake', 'awake', null],
      ['drained', 'drained', null],
      ['degraded', 'degraded', null],
      ['misconfigured', 'misconfigured', null],
      ['refused', 'refused', null],
      ['killed', 'killed', 'KILLED by somebody'],
      ['disabled', 'disabled', 'DISABLED by somebody'],
    ]);
  });

  it('name the models that they do not serve at present, and never a secret', () => {
    const deployments = createLocalDeployments({ clock: { now: () => 0 }, random: () => 0 });
    const key = aProviderKey({ secret: { ciphertext: 'canary', nonce: 'canary', version: 2 } });
    const claim = deployments.claim(`${key.id}:2|gpt-test`) as Claim;
    deployments.failed(claim, { reason: 'throttled', retryAfterMs: 5_000 });
    deployments.failed(
      { ...claim, deployment: `${key.id}:1|gpt-test` },
      { reason: 'quota', retryAfterMs: null },
    );
    const keys = shown({ providerKeys: [key] }, deployments);
    expect(keys).toMatchObject([
      {
        state: 'awake',
        models: [
          {
            model: 'gpt-test',
            state: 'sleeping',
            reason: 'throttled',
            failures: 1,
            until: '1970-01-01T00:00:05.000Z',
          },
        ],
      },
    ]);
    expect(JSON.stringify(keys)).not.toContain('canary');
  });
});
