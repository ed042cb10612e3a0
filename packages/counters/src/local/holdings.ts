import type { AdmitRequest, AdmitResult, Holding } from '../contract.ts';
import { toLimit } from '../amount.ts';
import { assertBounded, holdAmount, holdTerms, leastCap, type HoldTerms } from '../attempt-request.ts';
import { counterOf, hold, type Attempt, type Counter, type Organization } from './state.ts';

/** What fits into all holdings: an output cap, or the holding that fits least. */
export type HoldingsFit =
  | { readonly fits: true; readonly outputCap: number | null }
  | { readonly fits: false; readonly tightest: Holding };

/** The largest output cap that the headroom bears; -1 where not even the fixed part fits, Infinity where none is held. */
function capWithin(headroom: number, terms: HoldTerms): number {
  if (terms.perOutputToken === 0) return terms.fixed <= headroom ? Number.POSITIVE_INFINITY : -1;
  const space = headroom - terms.fixed;
  let cap = Math.floor(space / terms.perOutputToken);
  // The quotient of two large integers may be rounded up to the next integer; the product tells.
  if (cap * terms.perOutputToken > space) cap -= 1;
  return cap;
}

export function fitHoldings(organization: Organization, request: AdmitRequest): HoldingsFit {
  let least = request.outputCap ?? Number.POSITIVE_INFINITY;
  let tightest: Holding | undefined;
  for (const holding of request.holdings) {
    if (request.holdings.find((other) => other.counter === holding.counter) !== holding) {
      throw new TypeError(`${holding.counter} is given twice`);
    }
    const counter = organization.counters.get(holding.counter);
    const terms = holdTerms(holding);
    assertBounded(request.outputCap, terms, holding.counter);
    const headroom = toLimit(holding.limit) - (counter?.committed ?? 0) - (counter?.held ?? 0);
    const cap = capWithin(headroom, terms);
    if (cap >= least) continue;
    least = cap;
    tightest = holding;
  }
  if (tightest !== undefined && least < leastCap(request)) return { fits: false, tightest };
  return { fits: true, outputCap: request.outputCap === null ? null : least };
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
  };
}

/** Holds what the request and its cap demand, on every holding that does not hold for this attempt already. */
export function holdAll(
  attempt: Attempt,
  request: AdmitRequest,
  outputCap: number | null,
  nowMs: number,
): void {
  for (const holding of request.holdings) {
    const counter = counterOf(attempt.organization, holding.counter, nowMs);
    const amount = holdAmount(holdTerms(holding), outputCap);
    if (!isCountedAlready(counter, attempt, nowMs)) hold(counter, attempt.id, amount);
    if (!attempt.charges.some((charge) => charge.counter === counter)) {
      attempt.charges.push({ counter, metric: holding.metric });
    }
  }
}

/** Whether the seed counted the attempt as closed; it is asked only of re-assertions, which may come after it. */
function isCountedAlready(counter: Counter, attempt: Attempt, nowMs: number): boolean {
  return nowMs < counter.closedUntilMs && counter.closed?.has(attempt.id) === true;
}
