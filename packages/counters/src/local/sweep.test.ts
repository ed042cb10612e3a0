import { newUuid } from '@weir/kernel/ids';
import { RenewedMap } from '@weir/kernel/renewed-map';
import { describe, expect, it } from 'vitest';
import type { AdmitRequest } from '../contract.ts';
import { admit } from './admit.ts';
import { createEnded } from './ended.ts';
import { seed } from './seed.ts';
import { settle } from './settle.ts';
import { counterOf, hold, organizationOf, subjectOf, type LocalState } from './state.ts';
import { createSweep } from './sweep.ts';

const HOUR_MS = 3_600_000;

function emptyState(): LocalState {
  return {
    organizations: new Map(),
    live: new RenewedMap(),
    ended: createEnded(),
    seedQuarantineMs: 0,
    unconcluded: new RenewedMap(),
    slots: [],
    lookups: 0,
  };
}

function aRequest(
  parts: Pick<AdmitRequest, 'organizationId' | 'attemptId' | 'windows' | 'day'>,
): AdmitRequest {
  return {
    ...parts,
    concurrency: [],
    holdings: [],
    validWithin: parts.day,
    outputCap: null,
    outputCapMin: 1,
    leaseMs: HOUR_MS,
    cooldownMs: 0,
    evidence: '',
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

  it('counts nothing in a window that was dropped, however often it was asked for before', () => {
    const state = emptyState();
    const sweep = createSweep(state);
    const organizationId = newUuid();
    const windows = [{ subject: 'key:a', metric: 'requests', window: 'day', limit: 2 }] as const;
    const day = { startMs: 0, endMs: 24 * HOUR_MS };
    const ask = (nowMs: number) => {
      const attemptId = newUuid();
      return admit(state, aRequest({ organizationId, attemptId, windows, day }), nowMs);
    };
    const first = ask(0);
    if (first.kind !== 'unseeded') throw new Error('nothing was counted yet');
    const counted = [{ window: windows[0], current: 0, previous: 0 }];
    seed(
      state,
      { organizationId, epoch: first.epoch, day, windows: counted, holdings: [], leaseMs: HOUR_MS },
      0,
    );
    expect([ask(1).kind, ask(2).kind, ask(3).kind]).toEqual(['admitted', 'admitted', 'denied']);
    for (let step = 0; step < 5; step++) sweep(7 * HOUR_MS + step * 250);
    expect(ask(7 * HOUR_MS + 2_000)).toMatchObject({ kind: 'unseeded', windows });
  });
});
