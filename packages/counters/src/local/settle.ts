import type { Uuid } from '@weir/kernel/ids';
import type { AdmitRequest, Settlement } from '../contract.ts';
import { toAmount } from '../amount.ts';
import { settledAmount } from '../attempt-request.ts';
import { addTokens } from './slot.ts';
import {
  chargeOn,
  counterOf,
  findAttempt,
  newAttempt,
  organizationOf,
  release,
  type Attempt,
  type Charge,
  type LocalState,
  type Subject,
} from './state.ts';

/** See the races in `seeding.ts`: why an unseeded counter notes what was settled instead of counting it. */
export function settle(state: LocalState, settlement: Settlement, nowMs: number): void {
  const cost = toAmount(settlement.cost, 'cost');
  const attempt = findAttempt(state, settlement.attemptId) ?? withdrawn(state, settlement, nowMs);
  const isFirst = attempt.state === 'live' || attempt.state === 'thin';
  for (const charge of attempt.charges) {
    const amount = settledAmount(charge.metric, settlement, cost);
    if (isFirst) place(charge, attempt, amount, nowMs);
    else replace(charge, attempt, amount, nowMs);
  }
  const tokens = settlement.tokens - attempt.tokens;
  if (tokens !== 0) for (const slot of attempt.tokenSlots) addTokens(slot, tokens, attempt.atMs);
  attempt.cost = cost;
  attempt.tokens = settlement.tokens;
  attempt.requests = settlement.requests;
  if (isFirst) end(state, attempt, settlement.evidence ?? '', nowMs);
}

export function conclude(state: LocalState, ids: readonly Uuid[]): void {
  for (const id of ids) {
    const attempt = state.unconcluded.get(id);
    if (attempt === undefined) continue;
    attempt.evidence = '';
    state.unconcluded.delete(id);
  }
}

/** Replaces the hold by the actual amount. Without a hold the counter was seeded with the attempt's close. */
function place(charge: Charge, attempt: Attempt, amount: number, nowMs: number): void {
  const { counter } = charge;
  counter.lastUsedMs = nowMs;
  if (release(counter, attempt.id) === undefined) return;
  if (counter.seeded) counter.committed += amount;
  else counter.unplaced.set(attempt.id, { amount, atMs: nowMs });
}

/**
 * Counts an attempt that ended before its proxy re-asserted it, on the holdings that its settlement could not know.
 * On a seeded one only while the seed's closed attempts are remembered: later it cannot be told from a counted one.
 */
export function placeEnded(attempt: Attempt, request: AdmitRequest, nowMs: number): void {
  for (const { counter: name, metric } of request.holdings) {
    const counter = counterOf(attempt.organization, name, nowMs);
    if (attempt.charges.some((charge) => charge.counter === counter)) continue;
    attempt.charges.push(chargeOn(counter, metric));
    const amount = settledAmount(metric, attempt, attempt.cost);
    if (!counter.seeded) counter.unplaced.set(attempt.id, { amount, atMs: attempt.endedAtMs });
    else if (nowMs < counter.closedUntilMs && counter.closed?.has(attempt.id) === false) {
      counter.committed += amount;
      counter.inherited += amount;
    }
  }
}

/** A second settlement counts the difference to the first, wherever that one went. */
function replace(charge: Charge, attempt: Attempt, amount: number, nowMs: number): void {
  const { counter, metric } = charge;
  counter.lastUsedMs = nowMs;
  const unplaced = counter.unplaced.get(attempt.id);
  if (unplaced !== undefined) counter.unplaced.set(attempt.id, { amount, atMs: unplaced.atMs });
  else if (counter.seeded) counter.committed += amount - settledAmount(metric, attempt, attempt.cost);
}

const NONE: readonly Subject[] = [];

function end(state: LocalState, attempt: Attempt, evidence: string, nowMs: number): void {
  for (const subject of attempt.occupied) subject.leases.delete(attempt.id);
  attempt.occupied = NONE;
  attempt.evidence = evidence;
  attempt.outputCap = null;
  attempt.state = 'settled';
  attempt.endedAtMs = nowMs;
  state.live.delete(attempt.id);
  if (evidence !== '') state.unconcluded.set(attempt.id, attempt);
  state.ended.add(attempt);
}

/** An attempt the store does not know leaves its amounts, should a seed name it as open later. */
function withdrawn(state: LocalState, settlement: Settlement, nowMs: number): Attempt {
  const organization = organizationOf(state, settlement.organizationId, nowMs);
  const attempt = newAttempt(settlement.attemptId, organization, 'withdrawn', nowMs);
  attempt.endedAtMs = nowMs;
  state.ended.add(attempt);
  return attempt;
}
