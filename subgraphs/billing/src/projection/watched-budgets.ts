import { z } from 'zod';
import type { Uuid } from '@weir/kernel/ids';
import { periodDates } from '../modules/budgets/budget-period.ts';
import type { Watch } from '../modules/alerts/raise-alerts.ts';
import type { Query } from '../query.ts';

/** A node that consumed something on a business date. */
export interface TouchedNode {
  readonly nodeId: Uuid;
  readonly businessDate: string;
}

const uuid = z.uuid().transform((text) => text as Uuid);

const watchedBudgetSchema = z.object({
  id: uuid,
  organization_id: uuid,
  node_id: uuid,
  metric: z.enum(['COST', 'TOKENS', 'REQUESTS']),
  limit_amount: z.string().transform((text) => BigInt(text)),
  period: z.enum(['DAILY', 'WEEKLY', 'MONTHLY', 'QUARTERLY', 'YEARLY', 'TOTAL']),
  models: z.array(z.string()).nullable(),
  thresholds: z.array(z.int()),
  dates: z.array(z.string()),
});

const WATCHED = `
  select b.id, b.organization_id, b.node_id, b.metric, b.limit_amount::text as limit_amount, b.period, b.models,
         b.thresholds, array_agg(distinct t.business_date::text) as dates
  from unnest($1::uuid[], $2::date[]) as t (node_id, business_date)
  join billing.budgets b on b.node_id = t.node_id
  where b.status = 'ACTIVE'
  group by b.id`;

/** The active budgets on nodes that consumed something, each in every period that one of the dates lies in. */
export async function readWatches(query: Query, touched: readonly TouchedNode[]): Promise<readonly Watch[]> {
  if (touched.length === 0) return [];
  const rows = await query(WATCHED, [
    touched.map((node) => node.nodeId),
    touched.map((node) => node.businessDate),
  ]);
  return rows.flatMap((row): Watch[] => {
    const { organization_id, node_id, limit_amount, period, dates, ...rest } = watchedBudgetSchema.parse(row);
    const budget = { ...rest, organizationId: organization_id, nodeId: node_id, limit: limit_amount };
    // Late settlements reach back into earlier periods, so one batch may touch several periods of a budget.
    const ranges = new Map(
      dates.map((date) => periodDates(period, date)).map((range) => [range.first, range]),
    );
    return [...ranges.values()].map((range) => ({ budget, range }));
  });
}
