import type { HoldingSeed, OpenAttempt, Seed } from '../contract.ts';
import { toAmount } from '../amount.ts';
import { settledAmount } from '../attempt-request.ts';
import { CLOSED_MEMORY_MS, UNPLACED_MS } from '../seeding.ts';
import { isDaySlot, slotOf } from '../window-math.ts';
import { rollSlot, seedSlot } from './slot.ts';
import {
  chargeOn,
  counterOf,
  findAttempt,
  hold,
  newAttempt,
  release,
  slotOfSubject,
  subjectOf,
} from './state.ts';
import type { Counter, LocalState, Organization } from './state.ts';

export function seed(state: LocalState, given: Seed, nowMs: number): void {
  const organization = state.organizations.get(given.organizationId);
  if (organization?.epoch !== given.epoch) return;
  const asOfMs = Math.min(given.asOfMs ?? nowMs, nowMs);
  // Counts of a day that has ended meanwhile say nothing about the present one: the caller will ask again.
  const isToday = nowMs >= given.day.startMs && nowMs < given.day.endMs;
  for (const { window, current, previous } of given.windows) {
    const position = slotOf(window.metric, window.window);
    if (isDaySlot(position) && !isToday) continue;
    const slot = slotOfSubject(subjectOf(organization, window.subject, nowMs), position);
    if (!rollSlot(slot, nowMs, given.day)) seedSlot(slot, current, previous, asOfMs, given.day);
  }
  // Proxies may still be re-asserting what they hold, and Postgres may have been read too early.
  if (nowMs - organization.openedAtMs < state.seedQuarantineMs) return;
  for (const holding of given.holdings) {
    const counter = counterOf(organization, holding.counter, nowMs);
    if (!counter.seeded) seedCounter(state, organization, counter, holding, given.leaseMs, nowMs);
  }
}

/** See the races in `seeding.ts`. */
function seedCounter(
  state: LocalState,
  organization: Organization,
  counter: Counter,
  holding: HoldingSeed,
  leaseMs: number,
  nowMs: number,
): void {
  const open = new Set(holding.open.map((attempt) => attempt.attemptId));
  const closed = holding.closed === undefined ? undefined : new Set(holding.closed);
  counter.committed = toAmount(holding.committed, 'committed');
  for (const [id, unplaced] of counter.unplaced) {
    const isMissing =
      open.has(id) || (closed !== undefined && !closed.has(id) && nowMs - unplaced.atMs <= UNPLACED_MS);
    if (isMissing) counter.committed += unplaced.amount;
  }
  for (const attempt of holding.open) {
    if (counter.unplaced.has(attempt.attemptId)) continue;
    addOpen(state, organization, counter, holding.metric, attempt, leaseMs, nowMs);
  }
  for (const id of closed ?? []) release(counter, id);
  counter.unplaced.clear();
  counter.closed = closed;
  counter.closedUntilMs = nowMs + CLOSED_MEMORY_MS;
  counter.inherited = counter.committed + counter.held;
  counter.seeded = true;
}

/** Holds an attempt that Postgres calls open, or counts what the store saw it use meanwhile. */
function addOpen(
  state: LocalState,
  organization: Organization,
  counter: Counter,
  metric: HoldingSeed['metric'],
  open: OpenAttempt,
  leaseMs: number,
  nowMs: number,
): void {
  let attempt = findAttempt(state, open.attemptId);
  if (attempt === undefined) {
    attempt = newAttempt(open.attemptId, organization, 'thin', nowMs);
    attempt.leaseUntilMs = nowMs + leaseMs;
    attempt.evidence = open.evidence;
    state.live.set(attempt.id, attempt);
  }
  if (!attempt.charges.some((charge) => charge.counter === counter))
    attempt.charges.push(chargeOn(counter, metric));
  if (attempt.state === 'live' || attempt.state === 'thin')
    hold(counter, attempt.id, toAmount(open.held, 'held'));
  else counter.committed += settledAmount(metric, attempt, attempt.cost);
}
