import { describe, expect, it } from 'vitest';
import { createBoundedCache } from './bounded-cache.ts';

describe('a bounded cache', () => {
  it('forgets what is older than its time', () => {
    let nowMs = 0;
    const cache = createBoundedCache<number>({ capacity: 10, ttlMs: 1_000, clock: { now: () => nowMs } });
    cache.set('a', 1);
    nowMs = 999;
    expect(cache.get('a')).toBe(1);
    nowMs = 1_000;
    expect(cache.get('a')).toBeUndefined();
    expect(cache.size()).toBe(0);
  });

  it('is not kept alive by being asked', () => {
    let nowMs = 0;
    const cache = createBoundedCache<number>({ capacity: 10, ttlMs: 1_000, clock: { now: () => nowMs } });
    cache.set('a', 1);
    for (nowMs = 0; nowMs < 1_000; nowMs += 100) expect(cache.get('a')).toBe(1);
    expect(cache.get('a')).toBeUndefined();
  });

  it('drops what was not used for longest when it is full', () => {
    const cache = createBoundedCache<number>({ capacity: 2, clock: { now: () => 0 } });
    cache.set('a', 1);
    cache.set('b', 2);
    cache.get('a');
    cache.set('c', 3);
    expect([cache.get('a'), cache.get('b'), cache.get('c'), cache.size()]).toEqual([1, undefined, 3, 2]);
  });
});
