import { describe, expect, it } from 'vitest';
import type { PolicySnapshot } from '@weir/contracts/policy-snapshot';
import { aSnapshot } from '../test-policy.ts';
import { createPolicyCache } from './policy-cache.ts';

/** A database whose answers arrive when the test says so. */
function rig() {
  let nowMs = 0;
  let isListening = true;
  const rows = new Map<string, PolicySnapshot>();
  const waiting: (() => void)[] = [];
  let asked = 0;
  let isHeld = false;
  const changed: (string | null)[] = [];
  const cache = createPolicyCache({
    store: {
      async snapshot(keyHash) {
        asked++;
        const row = rows.get(keyHash) ?? null;
        if (isHeld) await new Promise<void>((resolve) => waiting.push(resolve));
        return row;
      },
      epochs: (ids) =>
        Promise.resolve(
          new Map(
            [...rows.values()]
              .filter(({ organization }) => ids.includes(organization.id))
              .map((row) => [row.organization.id, row.epoch]),
          ),
        ),
    },
    clock: { now: () => nowMs },
    isListening: () => isListening,
    unheardMaxMs: 1_000,
    unknownMs: 2_000,
    entriesMax: 2,
    onChanged: (organizationId) => changed.push(organizationId),
  });
  return {
    cache,
    rows,
    changed,
    asked: () => asked,
    hold: () => void (isHeld = true),
    release() {
      isHeld = false;
      for (const resolve of waiting.splice(0)) resolve();
    },
    wait: (ms: number) => void (nowMs += ms),
    listen: (value: boolean) => void (isListening = value),
  };
}

function signalOf({ organization, epoch }: PolicySnapshot) {
  return { organizationId: organization.id, epoch: epoch.toString() };
}

describe('the policy cache', () => {
  it('asks Postgres once for any number of simultaneous requests, and then no more', async () => {
    const { cache, rows, asked } = rig();
    rows.set('a', aSnapshot());
    await Promise.all([cache.get('a'), cache.get('a'), cache.get('a')]);
    expect(cache.get('a')).not.toBeInstanceOf(Promise);
    expect(asked()).toBe(1);
  });

  it('asks again after a change of the organization, and only of it', async () => {
    const { cache, rows, asked, changed } = rig();
    const a = aSnapshot();
    rows.set('a', a);
    rows.set('b', aSnapshot());
    await Promise.all([cache.get('a'), cache.get('b')]);
    cache.onSignal(signalOf(a));
    await cache.get('a');
    await cache.get('b');
    expect(asked()).toBe(3);
    expect(changed).toEqual([a.organization.id]);
  });

  it('neither keeps nor hands on what was read before a change that came meanwhile', async () => {
    const { cache, rows, hold, release, asked } = rig();
    const before = aSnapshot({ key: { name: 'before' } });
    rows.set('a', before);
    hold();
    const early = Promise.resolve(cache.get('a'));
    rows.set('a', { ...before, key: { ...before.key, status: 'REVOKED' } });
    cache.onSignal(signalOf(before));
    const late = Promise.resolve(cache.get('a'));
    release();
    expect((await early)?.snapshot.key.status).toBe('ACTIVE');
    expect((await late)?.snapshot.key.status).toBe('REVOKED');
    expect((await cache.get('a'))?.snapshot.key.status).toBe('REVOKED');
    expect(asked()).toBe(2);
  });

  it('remembers an unknown key for a moment, and forgets it with any change', async () => {
    const { cache, rows, asked, wait } = rig();
    expect(await cache.get('x')).toBeNull();
    expect(await cache.get('x')).toBeNull();
    expect(asked()).toBe(1);
    wait(2_001);
    expect(await cache.get('x')).toBeNull();
    expect(asked()).toBe(2);
    const created = aSnapshot();
    rows.set('x', created);
    cache.onSignal(signalOf(created));
    expect(await cache.get('x')).not.toBeNull();
  });

  it('trusts nothing older than a second while it does not hear of changes', async () => {
    const { cache, rows, asked, wait, listen } = rig();
    rows.set('a', aSnapshot());
    await cache.get('a');
    listen(false);
    wait(1_000);
    await cache.get('a');
    expect(asked()).toBe(1);
    wait(1);
    await cache.get('a');
    expect(asked()).toBe(2);
  });

  it('drops on reconnecting what changed unheard, and keeps the rest', async () => {
    const { cache, rows, asked } = rig();
    const a = aSnapshot();
    rows.set('a', a);
    rows.set('b', aSnapshot());
    await Promise.all([cache.get('a'), cache.get('b')]);
    rows.set('a', { ...a, epoch: 2n });
    await cache.catchUp();
    await Promise.all([cache.get('a'), cache.get('b')]);
    expect(asked()).toBe(3);
  });

  it('holds no more entries than it may', async () => {
    const { cache, rows } = rig();
    for (const hash of ['a', 'b', 'c']) {
      rows.set(hash, aSnapshot());
      await cache.get(hash);
    }
    expect(cache.size).toBe(2);
  });

  it('says that the key cannot be checked when Postgres is away', async () => {
    const cache = createPolicyCache({
      store: { snapshot: () => Promise.reject(new Error('gone')), epochs: () => Promise.resolve(new Map()) },
      clock: { now: () => 0 },
      isListening: () => true,
      unheardMaxMs: 1_000,
      unknownMs: 1_000,
      entriesMax: 1,
      onChanged: () => undefined,
    });
    await expect(cache.get('a')).rejects.toMatchObject({ code: 'DEPENDENCY_UNAVAILABLE' });
  });
});
