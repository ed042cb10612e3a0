import type { AdmitRequest, AdmitResult } from '../contract.ts';
import { denyByConcurrency } from './concurrency.ts';
import { denyByHolding, fitHoldings, holdAll } from './holdings.ts';
import type { Slot } from './slot.ts';
import { findAttempt, newAttempt, organizationOf, subjectOf } from './state.ts';
import type { Attempt, LocalState, Organization, ResolvedWindows } from './state.ts';
import { denyByWindows, resolveWindows, tightestOf, windowsFit } from './windows.ts';

/**
 * One admission over a whole chain. It never yields, so it is atomic: everything is read and checked before anything
 * is written.
 */
export function admit(state: LocalState, request: AdmitRequest, nowMs: number): AdmitResult {
  const organization = organizationOf(state, request.organizationId, nowMs);
  const known = findAttempt(state, request.attemptId);
  if (known !== undefined) return admitAgain(state, known, request, nowMs);
  const { startMs, endMs } = request.validWithin;
  if (nowMs < startMs || nowMs >= endMs) return { kind: 'stale', nowMs };
  const windows = resolveWindows(state, organization, request, nowMs);
  if (!windows || !holdingsSeeded(organization, request))
    return unseeded(state, organization, request, windows, nowMs);
  const { slots } = windows;
  if (!windowsFit(slots, request, nowMs)) return denyByWindows(slots, request, nowMs);
  const busy = denyByConcurrency(organization, request, nowMs);
  if (busy !== undefined) return busy;
  const fit = fitHoldings(organization, request, nowMs);
  if (!fit.fits) return denyByHolding(organization, fit.tightest, nowMs);
  for (const { counter, limit } of fit.graces) counter.grace = { startedMs: nowMs, limit };

  const attempt = newAttempt(request.attemptId, organization, 'live', nowMs);
  for (let index = 0; index < windows.ofRequests.length; index++) {
    const slot = windows.ofRequests[index];
    if (slot !== undefined) slot.current += 1;
  }
  attempt.tokenSlots = windows.ofTokens;
  attempt.graceUntilMs = fit.graceUntilMs;
  lease(attempt, request, fit.outputCap, false, nowMs);
  organization.lastUsedMs = nowMs;
  state.live.set(attempt.id, attempt);
  return admitted(attempt, fit.outputCap, request, slots, nowMs);
}

/**
 * Occupies the concurrency slots and the holdings of an attempt for the time of its lease.
 * @param isOlder Whether the attempt was admitted earlier.
 */
export function lease(
  attempt: Attempt,
  request: AdmitRequest,
  outputCap: number | null,
  isOlder: boolean,
  nowMs: number,
): void {
  attempt.leaseUntilMs = nowMs + request.leaseMs;
  attempt.outputCap = outputCap;
  attempt.evidence = request.evidence;
  attempt.occupied = request.concurrency.map((limit) => {
    const subject = subjectOf(attempt.organization, limit.subject, nowMs);
    subject.leases.set(attempt.id, attempt);
    return subject;
  });
  holdAll(attempt, request, outputCap, isOlder, nowMs);
}

export function holdingsSeeded(organization: Organization, request: Pick<AdmitRequest, 'holdings'>): boolean {
  for (const holding of request.holdings) {
    if (organization.counters.get(holding.counter)?.seeded !== true) return false;
  }
  return true;
}

export function unseeded(
  state: LocalState,
  organization: Organization,
  request: Pick<AdmitRequest, 'windows' | 'holdings'>,
  resolved: ResolvedWindows | undefined,
  nowMs: number,
): Extract<AdmitResult, { kind: 'unseeded' }> {
  const holdings = request.holdings
    .map((holding) => holding.counter)
    .filter((name) => organization.counters.get(name)?.seeded !== true);
  const opensAtMs = organization.openedAtMs + state.seedQuarantineMs;
  return {
    kind: 'unseeded',
    nowMs,
    epoch: organization.epoch,
    openedAtMs: organization.openedAtMs,
    windows: resolved ? [] : request.windows.filter((_, index) => state.slots[index] === undefined),
    holdings,
    opensInMs: holdings.length > 0 ? Math.max(0, opensAtMs - nowMs) : 0,
  };
}

function admitAgain(state: LocalState, known: Attempt, request: AdmitRequest, nowMs: number): AdmitResult {
  if (known.state === 'withdrawn') throw new TypeError('the attempt was settled before it was admitted');
  // A hold that only a seed named covers the smallest useful cap for sure, but perhaps not the one that was asked.
  const outputCap =
    known.state === 'thin' && request.outputCap !== null ? request.outputCapMin : known.outputCap;
  const windows = resolveWindows(state, known.organization, request, nowMs);
  return admitted(known, outputCap, request, windows?.slots ?? state.slots, nowMs);
}

function admitted(
  { graceUntilMs }: Attempt,
  outputCap: number | null,
  request: AdmitRequest,
  slots: readonly (Slot | undefined)[],
  nowMs: number,
): AdmitResult {
  return {
    kind: 'admitted',
    nowMs,
    outputCap,
    graceUntilMs,
    windows: tightestOf(slots, request, nowMs),
  };
}
