import type { LocalState } from './state.ts';

/** Counters nobody has used for this long are dropped; Postgres seeds them again when they are asked for. */
const IDLE_MS = 6 * 3_600_000;
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
    if (nowMs < nextMs) return;
    nextMs = nowMs + INTERVAL_MS;
    state.ended.sweep(nowMs);
    for (let count = 0; count < STEP; count++) {
      if (walk.next().done !== true) continue;
      walk = walkIdle(state, nowMs);
      break;
    }
  };
}

/** Visits everything once, dropping what is idle; a map may lose entries while it is walked. */
function* walkIdle(state: LocalState, nowMs: number): Generator<undefined> {
  const beforeMs = nowMs - IDLE_MS;
  for (const [id, organization] of state.organizations) {
    for (const [name, subject] of organization.subjects) {
      if (subject.lastUsedMs < beforeMs && subject.leases.size === 0) {
        organization.subjects.delete(name);
        // Nothing may be counted in the slots of a subject that nobody finds any more.
        organization.resolved = new WeakMap();
      }
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
