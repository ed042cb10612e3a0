import { newUuid } from '@weir/kernel/ids';
import { describe, expect, it } from 'vitest';
import { createEnded } from './ended.ts';
import { settle } from './settle.ts';
import { counterOf, hold, organizationOf, subjectOf, type LocalState } from './state.ts';
import { createSweep } from './sweep.ts';

const HOUR_MS = 3_600_000;

function emptyState(): LocalState {
  return {
    organizations: new Map(),
    live: new Map(),
    ended: createEnded(),
    seedQuarantineMs: 0,
    unconcluded: new Map(),
    slots: [],
    lookups: 0,
  };
}

describe('memory of the local store', () => {
  it('forgets settled attempts after an hour, and beyond ten thousand the oldest first', () => {
    const state = emptyState();
    const sweep = createSweep(state);
    const organizationId = newUuid();
    const end = (nowMs: number): void => {
      settle(state, { organizationId, attemptId: newUuid(nowMs), cost: 1n, tokens: 1, requests: 1 }, nowMs);
      sweep(nowMs);
    };
    for (let count = 0; count < 50_500; count++) end(count);
    expect(state.ended.size()).toBeLessThanOrEqual(10_000);
    sweep(HOUR_MS / 2 + 60_000);
    sweep(HOUR_MS + 120_000);
    expect(state.ended.size()).toBe(0);
  });

  it('drops what nobody used for hours, but nothing that is held or leased', () => {
    const state = emptyState();
    const sweep = createSweep(state);
    const busy = organizationOf(state, newUuid(), 0);
    hold(counterOf(busy, 'held', 0), newUuid(), 5);
    for (let count = 0; count < 2000; count++) {
      subjectOf(organizationOf(state, newUuid(), 0), 'key:a', 0);
      counterOf(busy, `idle-${String(count)}`, 0);
    }
    for (let step = 0; step < 200; step++) sweep(7 * HOUR_MS + step * 250);
    expect([...state.organizations.keys()]).toEqual([busy.id]);
    expect([...busy.counters.keys()]).toEqual(['held']);
  });
});
