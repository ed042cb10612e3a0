import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { newUuid } from '@weir/kernel/ids';
import { createLogger } from '@weir/service/logger';
import { aProviderKey } from '../test-policy.ts';
import type { Disabling } from './provider-key-store.ts';
import { createRefusedKeys } from './refused-keys.ts';

const log = createLogger({ service: 'test', level: 'silent' });

function rig() {
  const told: Disabling[] = [];
  const disabled: string[] = [];
  const postgres = { isAway: false, epoch: 10n };
  const refusedKeys = createRefusedKeys({
    store: {
      disable(disabling) {
        if (postgres.isAway) return Promise.reject(new Error('away'));
        told.push(disabling);
        return Promise.resolve({ disabled: true, epoch: postgres.epoch });
      },
      report: () => Promise.resolve(),
    },
    log,
    onDisabled: (provider) => void disabled.push(provider),
  });
  const key = aProviderKey();
  const organizationId = newUuid();
  const refuse = (policyEpoch = 9n) => {
    refusedKeys.refuse({ organizationId, key, policyEpoch, status: 401 });
  };
  return { refusedKeys, key, told, disabled, postgres, refuse };
}

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

describe('refused keys', () => {
  it('are left out at once, and disabled in Postgres once, however many requests were under way', async () => {
    const { refusedKeys, key, told, disabled, refuse } = rig();
    refuse();
    refuse();
    expect(refusedKeys.has(key, 9n)).toBe(true);
    await vi.advanceTimersByTimeAsync(0);
    refuse();
    expect(told).toEqual([
      {
        organizationId: told[0]?.organizationId,
        id: key.id,
        secretVersion: 1,
        reason: 'The provider refused the key with status 401.',
      },
    ]);
    expect(disabled).toEqual(['openai']);
    expect(refusedKeys.has(key, 9n)).toBe(true);
  });

  it('are asked again when a later policy lists them, and refused again when nothing has changed', async () => {
    const { refusedKeys, key, told, postgres, refuse } = rig();
    refuse();
    await vi.advanceTimersByTimeAsync(0);
    expect(refusedKeys.has(key, 10n)).toBe(false);
    postgres.epoch = 12n;
    refuse(11n);
    await vi.advanceTimersByTimeAsync(0);
    expect(told).toHaveLength(2);
    expect(refusedKeys.has(key, 11n)).toBe(true);
  });

  it('are only the secret that was refused', () => {
    const { refusedKeys, key, refuse } = rig();
    refuse();
    expect(refusedKeys.has({ ...key, secret: { ...key.secret, version: 2 } }, 9n)).toBe(false);
  });

  it('stay left out while Postgres is away, which is told as soon as it is back', async () => {
    const { refusedKeys, key, told, postgres, refuse } = rig();
    postgres.isAway = true;
    refuse();
    await vi.advanceTimersByTimeAsync(5_000);
    expect(refusedKeys.has(key, 1_000n)).toBe(true);
    postgres.isAway = false;
    await vi.advanceTimersByTimeAsync(1_000);
    expect(told).toHaveLength(1);
    expect(refusedKeys.has(key, 1_000n)).toBe(false);
  });

  it("that are unusable here are nobody else's business, and tried again with a new policy", () => {
    const { refusedKeys, key, told } = rig();
    refusedKeys.unusable(key, 9n);
    expect(refusedKeys.has(key, 9n)).toBe(true);
    expect(refusedKeys.has(key, 10n)).toBe(false);
    expect(told).toEqual([]);
  });

  it('are forgotten when no policy from before is left', async () => {
    const { refusedKeys, refuse } = rig();
    expect(refusedKeys.isEmpty).toBe(true);
    refuse();
    expect(refusedKeys.isEmpty).toBe(false);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(refusedKeys.isEmpty).toBe(true);
  });
});
