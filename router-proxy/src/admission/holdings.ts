import type { CalendarSpan, Holding } from '@weir/counters/contract';
import type { SnapshotBudget } from '@weir/contracts/policy-snapshot';
import { daySpan, periodSpan } from '@weir/kernel/period';
import type { AttemptBound } from './attempt-bound.ts';

export interface Holdings {
  readonly holdings: readonly Holding[];
  readonly day: CalendarSpan;
  /** Where day and budget periods overlap: within it the same request stays right. */
  readonly validWithin: CalendarSpan;
}

const MINUTE_MS = 60_000;
const NONE: readonly Holding[] = [];

/** What a blocking budget's counter is called in one period. */
export function budgetCounter(budgetId: string, periodStartMs: number): string {
  return `bud:${budgetId}:${periodStartMs}`;
}

/** Every blocking budget that counts the attempt is held, in the period that contains the instant. */
export function holdingsAt(
  budgets: readonly SnapshotBudget[],
  bound: AttemptBound,
  timeZone: string,
  nowMs: number,
): Holdings {
  const day = daySpan(nowMs, timeZone);
  if (budgets.length === 0) return { holdings: NONE, day, validWithin: day };
  let { startMs, endMs } = day;
  const holdings = budgets.map((budget) => {
    const period = periodSpan(budget.period, nowMs, timeZone);
    startMs = Math.max(startMs, period.startMs);
    endMs = Math.min(endMs, period.endMs);
    return holdingOf(budget, period.startMs, bound);
  });
  return { holdings, day, validWithin: { startMs, endMs } };
}

function holdingOf(budget: SnapshotBudget, periodStartMs: number, bound: AttemptBound): Holding {
  return {
    counter: budgetCounter(budget.id, periodStartMs),
    metric: budget.metric,
    limit: budget.limit,
    graceMs: budget.graceMinutes * MINUTE_MS,
    ...amountOf(budget.metric, bound),
  };
}

function amountOf(
  metric: SnapshotBudget['metric'],
  bound: AttemptBound,
): Pick<Holding, 'fixed' | 'perOutputToken'> {
  switch (metric) {
    case 'COST':
      return { fixed: bound.costFixed, perOutputToken: bound.costPerOutputToken };
    case 'TOKENS':
      return { fixed: BigInt(bound.tokensFixed), perOutputToken: BigInt(bound.tokensPerOutputToken) };
    case 'REQUESTS':
      return { fixed: 1n, perOutputToken: 0n };
  }
}
