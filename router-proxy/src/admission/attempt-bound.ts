import type { SnapshotBudget } from '@weir/contracts/policy-snapshot';
import { AppError } from '@weir/kernel/errors';
import { costBound, dearestPrices, priceAt, type Price } from '@weir/kernel/pricing';
import type { CallBound, OutputBound, Unbounded } from '../endpoints/endpoint.ts';
import type { Policy } from '../keys/policy.ts';
import type { ModelRoute } from '../routing/model-route.ts';

/** The most that one attempt may consume, as lines over its output cap. */
export interface AttemptBound {
  /** Null for a model without a price. */
  readonly price: Price | null;
  /** The client's cap or the model's, whichever is lower; null when neither has one, or none can be set. */
  readonly outputCap: number | null;
  /** Nano-USD: `costFixed + costPerOutputToken × outputCap`. */
  readonly costFixed: bigint;
  readonly costPerOutputToken: bigint;
  /** `tokensFixed + tokensPerOutputToken × outputCap`. */
  readonly tokensFixed: number;
  readonly tokensPerOutputToken: number;
}

/** @param nowMs The instant whose price counts. */
export function boundAttempt(
  policy: Policy,
  route: ModelRoute,
  call: CallBound,
  nowMs: number,
): AttemptBound {
  const { output, inputTokensMax } = call;
  const { maxOutputTokens } = route.model;
  const price = priceAt(route.model.prices, nowMs, policy.account.tier) ?? null;
  const choices = output.kind === 'capped' ? output.choices : 0;
  const outputTokens = output.kind === 'uncapped' ? output.choices * maxOutputTokens : 0;
  const usage = { inputTokens: inputTokensMax, choices, outputTokens, images: call.imagesMax, audioMs: 0 };
  const cost = price && costBound(price, usage, policy.account.ratesPpm);
  return {
    price,
    outputCap: output.kind === 'capped' ? lowerCap(output.cap, maxOutputTokens) : null,
    costFixed: cost?.fixed ?? 0n,
    costPerOutputToken: cost?.perOutputToken ?? 0n,
    tokensFixed: inputTokensMax + outputTokens,
    tokensPerOutputToken: choices,
  };
}

/** A registered model without a known output limit has 0 there. */
function lowerCap(client: number | null, modelMax: number): number | null {
  if (modelMax < 1) return client;
  return client === null ? modelMax : Math.min(client, modelMax);
}

/**
 * Whether a blocking budget or enforced credit has to know beforehand how much the attempt may consume. A count of
 * requests need not.
 */
export function needsBound({ budgets, credits }: ModelRoute): boolean {
  return credits.length > 0 || budgets.some(({ metric }) => metric !== 'REQUESTS');
}

/**
 * What cannot be bounded or priced cannot be held, and what cannot be held may not be spent under a blocking budget or
 * enforced credit.
 * @returns The reason for a refusal, or null.
 */
export function boundProblem(route: ModelRoute, call: CallBound, bound: AttemptBound): AppError | null {
  for (const { metric, name } of route.budgets) {
    const problem = metric === 'REQUESTS' ? null : problemUnder(metric, name, route, call, bound);
    if (problem) return problem;
  }
  if (route.credits.length === 0) return null;
  return problemUnder('COST', null, route, call, bound);
}

function reasonOf(budget: string | null): string {
  return budget === null
    ? 'because the credit of its account is enforced and'
    : `because the budget "${budget}" blocks and`;
}

function problemUnder(
  metric: SnapshotBudget['metric'],
  /** Its name; null for enforced credit. */
  budget: string | null,
  route: ModelRoute,
  { unbounded, output }: CallBound,
  { price, outputCap }: AttemptBound,
): AppError | null {
  if (unbounded && isSpent(unbounded, metric, price)) {
    return new AppError(
      'INVALID_REQUEST',
      `The request is refused ${reasonOf(budget)} the cost of ${unbounded.reason} cannot be bounded beforehand.`,
      { param: unbounded.param },
    );
  }
  const isOutputSpent = metric === 'TOKENS' || !price || dearestPrices(price).output > 0n;
  if (isOutputSpent && isEndless(output, route, outputCap))
    return endlessError(output, route, reasonOf(budget));
  if (metric === 'COST' && !price) {
    return new AppError(
      'MODEL_NOT_ALLOWED',
      `The model "${route.model.name}" is refused ${reasonOf(budget)} it has no price.`,
      { param: 'model' },
    );
  }
  return null;
}

/** A budget of tokens is spent by every token, one of money only by what has a price. */
function isSpent({ of }: Unbounded, metric: SnapshotBudget['metric'], price: Price | null): boolean {
  if (of === 'anything' || (metric === 'COST' && !price)) return true;
  if (metric === 'TOKENS' || !price) return of.includes('input');
  return (
    (of.includes('input') && dearestPrices(price).input > 0n) ||
    (of.includes('audio') && price.perAudioSecond > 0n)
  );
}

function isEndless(output: OutputBound, { model }: ModelRoute, outputCap: number | null): boolean {
  if (output.kind === 'none') return false;
  return output.kind === 'capped' ? outputCap === null : model.maxOutputTokens < 1;
}

function endlessError(output: OutputBound, { model }: ModelRoute, why: string): AppError {
  return output.kind === 'capped'
    ? new AppError('INVALID_REQUEST', `Set "${output.param}", ${why} the model has no output limit.`, {
        param: output.param,
      })
    : new AppError(
        'MODEL_NOT_ALLOWED',
        `The model "${model.name}" is refused ${why} it has no output limit.`,
        { param: 'model' },
      );
}
