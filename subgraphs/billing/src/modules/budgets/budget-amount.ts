import { formatUsd, MAX_COUNTER_NANO_USD, parseUsd } from '@weir/kernel/money';
import { err, ok, type Result } from '@weir/kernel/result';
import type { BudgetMetric } from './budget.ts';

const WHOLE = /^\d{1,16}$/;

/** The largest limit of a budget, as people read it. */
function largest(metric: BudgetMetric): string {
  return metric === 'COST' ? `${formatUsd(MAX_COUNTER_NANO_USD)} USD` : MAX_COUNTER_NANO_USD.toString();
}

/**
 * A limit as people write it, in the unit of the metric: US dollars with at most nine decimals, or a whole number.
 * Counters hold doubles in one of their implementations, hence the upper bound for every metric.
 */
export function parseLimit(metric: BudgetMetric, text: string): Result<bigint, string> {
  const limit = metric === 'COST' ? parseUsd(text) : WHOLE.test(text) ? BigInt(text) : undefined;
  if (limit === undefined) {
    return err(
      metric === 'COST'
        ? 'The limit must be an amount of US dollars with at most nine decimals.'
        : 'The limit must be a whole number.',
    );
  }
  if (limit <= 0n) return err('The limit must be above zero.');
  if (limit > MAX_COUNTER_NANO_USD) return err(`The limit must not be above ${largest(metric)}.`);
  return ok(limit);
}

/** An amount of what the metric counts, as a decimal string. */
export function formatAmount(metric: BudgetMetric, amount: bigint): string {
  return metric === 'COST' ? formatUsd(amount) : amount.toString();
}
