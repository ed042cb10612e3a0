import { z } from 'zod';
import type { Uuid } from '@weir/kernel/ids';
import type { Watch } from '../modules/alerts/raise-alerts.ts';
import { periodDates } from '../modules/budgets/budget-period.ts';

const uuid = z.uuid().transform((text) => text as Uuid);

const watchedSchema = z.object({
  id: uuid,
  organization_id: uuid,
  node_id: uuid,
  metric: z.enum(['COST', 'TOKENS', 'REQUESTS']),
  limit_amount: z.string().transform((text) => BigInt(text)),
  period: z.enum(['DAILY', 'WEEKLY', 'MONTHLY', 'QUARTERLY', 'YEARLY', 'TOTAL']),
  models: z.array(z.string()).nullable(),
  thresholds: z.array(z.int()),
  /** Business dates on which its node consumed something. */
  dates: z.array(z.string()),
});

/**
 * A budget, as the projection reads it, in each of the periods that its dates lie in: late settlements reach back into
 * earlier periods, so one batch may touch several.
 */
export function watchesOf(row: unknown): Watch[] {
  const { organization_id, node_id, limit_amount, period, dates, ...rest } = watchedSchema.parse(row);
  const budget = { ...rest, organizationId: organization_id, nodeId: node_id, limit: limit_amount };
  const ranges = new Map(dates.map((date) => periodDates(period, date)).map((range) => [range.first, range]));
  return [...ranges.values()].map((range) => ({ budget, range }));
}
