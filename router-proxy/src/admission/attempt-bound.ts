import { AppError } from '@weir/kernel/errors';
import { costBound, priceAt, type Price } from '@weir/kernel/pricing';
import type { CallBound } from '../endpoints/endpoint.ts';
import type { Policy } from '../keys/policy.ts';
import type { ModelRoute } from '../routing/model-route.ts';

/** The most that one attempt may consume, as lines over its output cap. */
export interface AttemptBound {
  /** Null for a model without a price. */
  readonly price: Price | null;
  /** The client's cap or the model's, whichever is lower; null when neither has one. */
  readonly outputCap: number | null;
  /** Nano-USD: `costFixed + costPerOutputToken × outputCap`. */
  readonly costFixed: bigint;
  readonly costPerOutputToken: bigint;
  readonly inputTokensMax: number;
  readonly choices: number;
}

/** @param nowMs The instant whose price counts. */
export function boundAttempt(
  policy: Policy,
  route: ModelRoute,
  call: CallBound,
  nowMs: number,
): AttemptBound {
  const price = priceAt(route.model.prices, nowMs, policy.account.tier) ?? null;
  const cost = price && costBound(price, call.inputTokensMax, call.choices, policy.account.ratesPpm);
  return {
    price,
    outputCap: lowerCap(call.outputCap, route.model.maxOutputTokens),
    costFixed: cost?.fixed ?? 0n,
    costPerOutputToken: cost?.perOutputToken ?? 0n,
    inputTokensMax: call.inputTokensMax,
    choices: call.choices,
  };
}

/** A registered model without a known output limit has 0 there. */
function lowerCap(client: number | null, modelMax: number): number | null {
  if (modelMax < 1) return client;
  return client === null ? modelMax : Math.min(client, modelMax);
}

/** Whether a blocking budget has to know beforehand how much the attempt may consume. A count of requests need not. */
export function needsBound(route: ModelRoute): boolean {
  return route.budgets.some(({ metric }) => metric !== 'REQUESTS');
}

/**
 * What cannot be bounded or priced cannot be held, and what cannot be held may not be spent under a blocking budget.
 * @returns The reason for a refusal, or null.
 */
export function boundProblem(route: ModelRoute, call: CallBound, bound: AttemptBound): AppError | null {
  const budget = route.budgets.find(({ metric }) => metric !== 'REQUESTS');
  if (!budget) return null;
  const why = `because the budget "${budget.name}" blocks and`;
  if (call.unbounded) {
    return new AppError(
      'INVALID_REQUEST',
      `The request is refused ${why} the cost of ${call.unbounded.reason} cannot be bounded beforehand.`,
      { param: call.unbounded.param },
    );
  }
  if (bound.outputCap === null) {
    return new AppError(
      'INVALID_REQUEST',
      `Set "max_completion_tokens", ${why} the model has no output limit.`,
      {
        param: 'max_completion_tokens',
      },
    );
  }
  if (route.budgets.some(({ metric }) => metric === 'COST') && !bound.price) {
    return new AppError(
      'MODEL_NOT_ALLOWED',
      `The model "${route.model.name}" is refused ${why} it has no price.`,
      {
        param: 'model',
      },
    );
  }
  return null;
}
