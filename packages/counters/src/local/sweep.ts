import type { LocalState } from './state.ts';

/** Counters nobody has used for this long are dropped; Postgres seeds them again when they are asked for. */
const IDLE_MS = 6 * 3_600_000;
/** Settled attempts are remembered this long, so that a second settlement can replace the first. */
const REMEMBER_MS = 3_600_000;
/** And at most so many, oldest forgotten first: a later second settlement then changes Postgres only. */
const REMEMBER_COUNT = 50_000;
const INTERVAL_MS = 250;
/** Work per step, so that no request waits noticeably for it. */
const STEP = 500;

/**
 * Keeps memory bounded without a timer: every call does a small step at most four times a second.
 */
export function createSweep(state: LocalState): (nowMs: number) => void {
  let nextMs = 0;
  let walk = walkIdle(state, 0);

  return (nowMs) => {
    if (state.ended.size > REMEMBER_COUNT) forgetOldest(state, Number.POSITIVE_INFINITY, 2);
    if (nowMs < nextMs) return;
    nextMs = nowMs + INTERVAL_MS;
    forgetOldest(state, nowMs - REMEMBER_MS, STEP);
    for (let count = 0; count < STEP; count++) {
      if (walk.next().done !== true) continue;
      walk = walkIdle(state, nowMs);
      break;
    }
  };
}

function forgetOldest(state: LocalState, beforeMs: number, count: number): void {
  let left = count;
  for (const [id, attempt] of state.ended) {
    if (left === 0 || attempt.endedAtMs >= beforeMs) return;
    state.ended.delete(id);
    left -= 1;
  }
}

/** Visits everything once, dropping what is idle; a map may lose entries while it is walked. */
function* walkIdle(state: LocalState, nowMs: number): Generator<undefined> {
  const beforeMs = nowMs - IDLE_MS;
  for (const [id, organization] of state.organizations) {
    for (const [name, subject] of organization.subjects) {
      if (subject.lastUsedMs < beforeMs && subject.leases.size === 0) organization.subjects.delete(name);
      yield;
    }
    for (const [name, counter] of organization.counters) {
      if (counter.closedUntilMs < nowMs) counter.closed = undefined;
      if (counter.lastUsedMs < beforeMs && counter.holds.size === 0) organization.counters.delete(name);
      yield;
    }
    const isEmpty = organization.subjects.size === 0 && organization.counters.size === 0;
    if (isEmpty && organization.lastUsedMs < beforeMs) state.organizations.delete(id);
    yield;
  }
}
