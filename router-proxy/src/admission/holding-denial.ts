import type { SnapshotAccount, SnapshotBudget } from '@weir/contracts/policy-snapshot';
import { AppError } from '@weir/kernel/errors';
import { encodeId } from '@weir/kernel/ids';
import { formatUsd } from '@weir/kernel/money';
import { daySpan, periodSpan } from '@weir/kernel/period';
import type { Policy } from '../keys/policy.ts';
import type { Admission } from '../metering/contract.ts';
import { budgetCounter, creditCounter } from './holdings.ts';

export type DeniedByHolding = Extract<Admission, { kind: 'denied'; reason: 'holding' }>;

/**
 * What is told to a caller for whom a balance has no room. No `Retry-After`: nobody knows when somebody will raise it.
 */
export function holdingError(denied: DeniedByHolding, policy: Policy): AppError {
  const { timeZone } = policy.snapshot.organization;
  const { startMs: dayStartMs } = daySpan(denied.nowMs, timeZone);
  const credit = policy.snapshot.credits.find((each) => creditCounter(each, dayStartMs) === denied.counter);
  const account = credit && policy.snapshot.accounts.find(({ id }) => id === credit.accountId);
  if (account) return creditError(denied, account);
  const budget = policy.blockingBudgets.find(
    (each) => budgetCounter(each, periodSpan(each.period, denied.nowMs, timeZone).startMs) === denied.counter,
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

function creditError({ limit, committed, held }: DeniedByHolding, account: SnapshotAccount): AppError {
  const balance = limit - committed;
  const running = held > 0n ? `, of which ${formatUsd(held)} USD are held by running requests` : '';
  return new AppError(
    'INSUFFICIENT_CREDIT',
    `The credit of the account "${account.name}" does not cover this request: its balance is ` +
      `${formatUsd(balance)} USD${running}. Whoever manages its billing can add credit (creditGrant), which takes effect at once.`,
    {
      details: {
        credit: {
          account: { id: encodeId('account', account.id), name: account.name },
          balance: formatUsd(balance),
          held: formatUsd(held),
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
