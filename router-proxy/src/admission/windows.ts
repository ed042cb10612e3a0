import type { ConcurrencyLimit, WindowLength, WindowLimit, WindowMetric } from '@weir/counters/contract';
import type { LimitSet } from '@weir/contracts/policy-snapshot';
import { bestMatch } from '@weir/kernel/pattern';
import type { LimitNode } from '../keys/policy.ts';

export interface ModelLimits {
  readonly windows: readonly WindowLimit[];
  readonly concurrency: readonly ConcurrencyLimit[];
}

const WINDOWS: readonly (readonly [Exclude<keyof LimitSet, 'concurrency'>, WindowMetric, WindowLength])[] = [
  ['requestsPerMinute', 'requests', 'minute'],
  ['requestsPerHour', 'requests', 'hour'],
  ['requestsPerDay', 'requests', 'day'],
  ['tokensPerMinute', 'tokens', 'minute'],
  ['tokensPerHour', 'tokens', 'hour'],
  ['tokensPerDay', 'tokens', 'day'],
];

/**
 * All limits that a request for one effective model is subject to, node by node: what the node allows in all, and what
 * it allows for this model. Aliases and mapped names share the counters, because the effective name keeps them.
 *
 * A limit for a model is one more and never takes the place of the node's own: a node may only narrow, and a total that
 * some models are exempt from would bound nothing. Of several fitting patterns of a node the best one counts.
 * @param effectiveModel Null for the limits that count whatever the model.
 */
export function limitsFor(nodes: readonly LimitNode[], effectiveModel: string | null): ModelLimits {
  const windows: WindowLimit[] = [];
  const concurrency: ConcurrencyLimit[] = [];
  const collect = (subject: string, limits: LimitSet): void => {
    for (const [name, metric, window] of WINDOWS) {
      const limit = limits[name];
      if (typeof limit === 'number') windows.push({ subject, metric, window, limit });
    }
    if (typeof limits.concurrency === 'number') concurrency.push({ subject, limit: limits.concurrency });
  };
  for (const { subject, limits, modelLimits } of nodes) {
    collect(subject, limits);
    if (effectiveModel === null) continue;
    const ofModel = bestMatch(modelLimits, ({ pattern }) => pattern, effectiveModel);
    if (ofModel) collect(`${subject}|${effectiveModel}`, ofModel.limits);
  }
  return { windows, concurrency };
}
