import { uuidTimeMs, type Uuid } from '@weir/kernel/ids';
import type { AdmitRequest, ExpiredLease } from '../contract.ts';
import { isTokenSlot, slotOf } from '../window-math.ts';
import { lease } from './admit.ts';
import { placeEnded } from './settle.ts';
import type { Slot } from './slot.ts';
import {
  findAttempt,
  newAttempt,
  organizationOf,
  slotOfSubject,
  subjectOf,
  type LocalState,
} from './state.ts';

/** Extends leases; answers what must be re-asserted: unknown attempts and those of which only a seed has told. */
export function renew(state: LocalState, ids: readonly Uuid[], leaseMs: number, nowMs: number): Uuid[] {
  const missing: Uuid[] = [];
  for (const id of ids) {
    const attempt = state.live.get(id);
    if (attempt !== undefined) {
      attempt.leaseUntilMs = nowMs + leaseMs;
      attempt.organization.lastUsedMs = nowMs;
    }
    if (attempt?.state !== 'live' && state.ended.get(id) === undefined) missing.push(id);
  }
  return missing;
}

/**
 * Puts an attempt back. Its request is not counted again, because windows are seeded with it; its tokens still go to
 * the cells of its admission, whose time the attempt's id tells.
 */
export function reassert(
  state: LocalState,
  request: AdmitRequest,
  outputCap: number | null,
  nowMs: number,
): void {
  const organization = organizationOf(state, request.organizationId, nowMs);
  const known = findAttempt(state, request.attemptId);
  if (known?.state === 'settled' || known?.state === 'withdrawn') {
    placeEnded(known, request, nowMs);
    return;
  }
  if (known?.state === 'live') {
    known.leaseUntilMs = nowMs + request.leaseMs;
    return;
  }
  const attempt = known ?? newAttempt(request.attemptId, organization, 'live', nowMs);
  attempt.state = 'live';
  attempt.atMs = Math.min(nowMs, uuidTimeMs(request.attemptId));
  const counted: Slot[] = [];
  for (const window of request.windows) {
    const position = slotOf(window.metric, window.window);
    if (!isTokenSlot(position)) continue;
    counted.push(slotOfSubject(subjectOf(organization, window.subject, nowMs), position));
  }
  attempt.tokenSlots = [...attempt.tokenSlots, ...counted];
  lease(attempt, request, outputCap, true, nowMs);
  state.live.set(attempt.id, attempt);
}

export function expired(state: LocalState, graceMs: number, limit: number, nowMs: number): ExpiredLease[] {
  const found: ExpiredLease[] = [];
  for (const attempts of [state.live, state.unconcluded]) {
    for (const attempt of attempts.values()) {
      if (found.length >= limit) return found;
      if (attempt.leaseUntilMs > nowMs - graceMs) continue;
      found.push({
        organizationId: attempt.organization.id,
        attemptId: attempt.id,
        evidence: attempt.evidence,
        outputCap: attempt.outputCap,
      });
    }
  }
  return found;
}
