import { periodSpan } from '@weir/kernel/period';
import type { BudgetPeriodKind } from './budget.ts';

/** Business dates from `first` (inclusive) to `end` (exclusive), each `YYYY-MM-DD`. */
export interface DateRange {
  readonly first: string;
  readonly end: string;
}

/** The last date that has a four-digit year; nothing is admitted on or after it. */
const END_OF_TIME = '9999-12-31';

/**
 * The period that a business date lies in. The time zone was applied when the business date was taken, at the
 * admission; from there on it is calendar arithmetic, which UTC does without gaps.
 */
export function periodDates(kind: BudgetPeriodKind, businessDate: string): DateRange {
  const { startMs, endMs } = periodSpan(kind, Date.parse(`${businessDate}T00:00:00Z`), 'UTC');
  return {
    first: new Date(startMs).toISOString().slice(0, 10),
    end: kind === 'TOTAL' ? END_OF_TIME : new Date(endMs).toISOString().slice(0, 10),
  };
}
