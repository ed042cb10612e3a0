import type { AdmitRequest, AdmitResult, Holding } from '../contract.ts';
import { toLimit } from '../amount.ts';
import { assertBounded, holdAmount, holdTerms, leastCap, type HoldTerms } from '../attempt-request.ts';
import { graceState, type GraceState } from '../grace.ts';
import { chargeOn, counterOf, hold, type Attempt, type Counter, type Organization } from './state.ts';

/** What fits into all holdings: an output cap, or the holding that fits least. */
export type HoldingsFit =
  | {
      readonly fits: true;
      readonly outputCap: number | null;
      /** The first end of the graces without which it would not fit. */
      readonly graceUntilMs: number | null;
      /** Counters whose grace begins with this request. */
      readonly graces: readonly GraceBegin[];
    }
  | { readonly fits: false; readonly tightest: Holding };

interface GraceBegin {
  readonly counter: Counter;
  readonly limit: number;
}

/** The largest output cap that the headroom bears; -1 where not even the fixed part fits, Infinity where none is held. */
function capWithin(headroom: number, terms: HoldTerms): number {
  if (terms.perOutputToken === 0) return terms.fixed <= headroom ? Number.POSITIVE_INFINITY : -1;
  const space = headroom - terms.fixed;
  let cap = Math.floor(space / terms.perOutputToken);
  // The quotient of two large integers may be rounded up to the next integer; the product tells.
  if (cap * terms.perOutputToken > space) cap -= 1;
  return cap;
}

const NO_GRACES: readonly GraceBegin[] = [];

export function fitHoldings(organization: Organization, request: AdmitRequest, nowMs: number): HoldingsFit {
  const asked = request.outputCap ?? Number.POSITIVE_INFINITY;
  let least = asked;
  let tightest: Holding | undefined;
  let graceUntilMs: number | null = null;
  let graces: readonly GraceBegin[] = NO_GRACES;
  for (const holding of request.holdings) {
    if (isGivenBefore(holding, request.holdings)) throw new TypeError(`${holding.counter} is given twice`);
    const counter = organization.counters.get(holding.counter);
    const terms = holdTerms(holding);
    assertBounded(request.outputCap, terms, holding.counter);
    const limit = toLimit(holding.limit);
    const cap = capWithin(limit - (counter?.committed ?? 0) - (counter?.held ?? 0), terms);
    if (cap >= asked) continue;
    const state = graceState(holding.graceMs, limit, counter?.grace, counter?.inherited ?? 0, nowMs);
    const untilMs = graceEnd(state, holding, cap < leastCap(request), nowMs);
    if (untilMs !== undefined) {
      if (state.kind === 'armed' && counter) graces = [...graces, { counter, limit }];
      graceUntilMs = Math.min(graceUntilMs ?? untilMs, untilMs);
    } else if (cap < least) {
      least = cap;
      tightest = holding;
    }
  }
  if (tightest !== undefined && least < leastCap(request)) return { fits: false, tightest };
  const outputCap = request.outputCap === null ? null : least;
  return { fits: true, outputCap, graceUntilMs, graces };
}

function isGivenBefore(holding: Holding, holdings: readonly Holding[]): boolean {
  for (const other of holdings) {
    if (other === holding) return false;
    if (other.counter === holding.counter) return true;
  }
  return false;
}

/** Until when the holding lets everything through; undefined where it does not. A clamped answer needs no grace. */
function graceEnd(
  state: GraceState,
  { graceMs = 0 }: Holding,
  hasNoRoom: boolean,
  nowMs: number,
): number | undefined {
  if (state.kind === 'running') return state.untilMs;
  return state.kind === 'armed' && hasNoRoom ? nowMs + graceMs : undefined;
}

export function denyByHolding(organization: Organization, holding: Holding, nowMs: number): AdmitResult {
  const counter = organization.counters.get(holding.counter);
  return {
    kind: 'denied',
    reason: 'holding',
    nowMs,
    counter: holding.counter,
    limit: holding.limit,
    committed: BigInt(counter?.committed ?? 0),
    held: BigInt(counter?.held ?? 0),
    isGraceOver: (holding.graceMs ?? 0) > 0,
  };
}

/**
 * Holds what the request and its cap demand, on every holding that does not hold for this attempt already.
 * @param isOlder Whether the attempt was admitted before this admission: then it may be older than the counter's seed.
 */
export function holdAll(
  attempt: Attempt,
  request: AdmitRequest,
  outputCap: number | null,
  isOlder: boolean,
  nowMs: number,
): void {
  const charges = request.holdings.map((holding) => {
    const counter = counterOf(attempt.organization, holding.counter, nowMs);
    const amount = holdAmount(holdTerms(holding), outputCap);
    if (!isCountedAlready(counter, attempt, nowMs)) {
      const isNew = hold(counter, attempt.id, amount);
      if (isNew && isOlder) counter.inherited += amount;
    }
    return chargeOn(counter, holding.metric);
  });
  // A seed may have told of the attempt before.
  const known = attempt.charges;
  attempt.charges =
    known.length === 0
      ? charges
      : [...known, ...charges.filter(({ counter }) => !known.some((charge) => charge.counter === counter))];
}

/** Whether the seed counted the attempt as closed; it is asked only of re-assertions, which may come after it. */
function isCountedAlready(counter: Counter, attempt: Attempt, nowMs: number): boolean {
  return nowMs < counter.closedUntilMs && counter.closed?.has(attempt.id) === true;
}
