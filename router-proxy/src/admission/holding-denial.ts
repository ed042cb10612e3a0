import type { SnapshotBudget } from '@weir/contracts/policy-snapshot';
import { AppError } from '@weir/kernel/errors';
import { encodeId } from '@weir/kernel/ids';
import { formatUsd } from '@weir/kernel/money';
import { periodSpan } from '@weir/kernel/period';
import type { Policy } from '../keys/policy.ts';
import type { Admission } from '../metering/contract.ts';
import { budgetCounter } from './holdings.ts';

export type DeniedByHolding = Extract<Admission, { kind: 'denied'; reason: 'holding' }>;

/**
 * What is told to a caller for whom a balance has no room. No `Retry-After`: nobody knows when somebody will raise it.
 */
export function holdingError(denied: DeniedByHolding, policy: Policy): AppError {
  const { timeZone } = policy.snapshot.organization;
  const budget = policy.blockingBudgets.find(
    ({ id, period }) =>
      budgetCounter(id, periodSpan(period, denied.nowMs, timeZone).startMs) === denied.counter,
  );
  if (!budget) return new AppError('BUDGET_EXCEEDED', 'A budget of this API key is used up.');
  return budgetError(denied, budget, timeZone);
}

function budgetError(denied: DeniedByHolding, budget: SnapshotBudget, timeZone: string): AppError {
  const { endMs } = periodSpan(budget.period, denied.nowMs, timeZone);
  const resetsAt = budget.period === 'TOTAL' ? null : new Date(endMs).toISOString();
  const amount = (value: bigint): string => formatAmount(budget.metric, value);
  const held = denied.held > 0n ? `, ${amount(denied.held)} are held by running requests` : '';
  const grace = denied.isGraceOver ? ` Its grace of ${budget.graceMinutes} minutes is over.` : '';
  const reset = resetsAt === null ? 'It does not reset' : `It resets at ${resetsAt}`;
  return new AppError(
    budget.metric === 'COST' ? 'BUDGET_EXCEEDED' : 'QUOTA_EXCEEDED',
    `The budget "${budget.name}" of ${amount(denied.limit)} has no room for this request: ` +
      `${amount(denied.committed)} are spent${held}.${grace} ${reset}; raising it takes effect at once.`,
    {
      details: {
        budget: {
          id: encodeId('budget', budget.id),
          name: budget.name,
          metric: budget.metric,
          period: budget.period,
          limit: plainAmount(budget.metric, denied.limit),
          spent: plainAmount(budget.metric, denied.committed),
          held: plainAmount(budget.metric, denied.held),
          resetsAt,
          isGraceOver: denied.isGraceOver,
        },
      },
    },
  );
}

function formatAmount(metric: SnapshotBudget['metric'], value: bigint): string {
  return metric === 'COST' ? `${formatUsd(value)} USD` : `${value} ${metric.toLowerCase()}`;
}

/** A decimal string: USD for COST, a count otherwise. */
export function plainAmount(metric: SnapshotBudget['metric'], value: bigint): string {
  return metric === 'COST' ? formatUsd(value) : value.toString();
}
