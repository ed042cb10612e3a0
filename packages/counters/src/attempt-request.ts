import type { AdmitRequest, Holding, Settlement } from './contract.ts';
import { MAX_AMOUNT, toAmount } from './amount.ts';

/** What one attempt holds of a balance, as numbers. */
export interface HoldTerms {
  readonly fixed: number;
  readonly perOutputToken: number;
}

const ONE_REQUEST: HoldTerms = { fixed: 1, perOutputToken: 0 };

/** @throws RangeError when an amount is negative or not below 2^53. */
export function holdTerms(holding: Holding): HoldTerms {
  if (holding.metric === 'REQUESTS') return ONE_REQUEST;
  const fixed = toAmount(holding.fixed, 'fixed');
  const perOutputToken = toAmount(holding.perOutputToken, 'perOutputToken');
  if (fixed < 0 || perOutputToken < 0) throw new RangeError('a hold is never negative');
  return { fixed, perOutputToken };
}

/** A hold too large to be counted exactly holds all there is. */
export function holdAmount(terms: HoldTerms, outputCap: number | null): number {
  return Math.min(terms.fixed + terms.perOutputToken * (outputCap ?? 0), MAX_AMOUNT);
}

/** An output without a bound cannot be held; the caller decides what to refuse, so reaching this is its bug. */
export function assertBounded(outputCap: number | null, terms: HoldTerms, counter: string): void {
  if (outputCap === null && terms.perOutputToken > 0) {
    throw new TypeError(`${counter} is held per output token, but the output has no cap`);
  }
}

/** What a settlement means in the unit of a holding. */
export function settledAmount(
  metric: Holding['metric'],
  settlement: Pick<Settlement, 'tokens' | 'requests'>,
  cost: number,
): number {
  return metric === 'COST' ? cost : metric === 'TOKENS' ? settlement.tokens : settlement.requests;
}

/** The cap below which an answer is of no use: what was asked, when that is less than the caller's minimum. */
export function leastCap(request: AdmitRequest): number {
  return request.outputCap === null ? 0 : Math.min(request.outputCapMin, request.outputCap);
}
