import type { Uuid } from '@weir/kernel/ids';
import { businessDate, periodSpan, type Span } from '@weir/kernel/period';
import type { Query } from '../../query.ts';
import type { Budget } from './budget.ts';
import { periodDates } from './budget-period.ts';
import { readSpend, spentOf } from './budget-spend.ts';

/** Where a budget stands in its current period. */
export interface BudgetStanding {
  readonly spent: bigint;
  /** Null for a budget whose one period never ends. */
  readonly span: Span | null;
}

/** The organization's business time zone. */
export async function readZone(query: Query, organizationId: Uuid): Promise<string> {
  const rows = await query<{ zone: string | null }>(`select policy.organization_zone($1::uuid) as zone`, [
    organizationId,
  ]);
  return rows[0]?.zone ?? 'UTC';
}

/** The standing of each budget, in the order given; one statement for all. */
export async function readStandings(
  query: Query,
  budgets: readonly Budget[],
  timeZone: string,
  nowMs: number,
): Promise<readonly BudgetStanding[]> {
  const today = businessDate(nowMs, timeZone);
  const consumption = await readSpend(
    query,
    budgets.map(({ nodeId, period }) => ({ nodeId, range: periodDates(period, today) })),
  );
  return budgets.map((budget, index) => ({
    spent: spentOf(budget, consumption[index] ?? []),
    span: budget.period === 'TOTAL' ? null : periodSpan(budget.period, nowMs, timeZone),
  }));
}
