import { z } from 'zod';
import type { Uuid } from '@weir/kernel/ids';
import type { Query } from '../../query.ts';
import { BUDGET_NODES_WITHIN } from '../budgets/budget-reads.ts';
import type { BudgetAlert } from './budget-alert.ts';

const uuid = z.string().transform((text) => text as Uuid);
const integer = z.string().transform((text) => BigInt(text));

const rowSchema = z.object({
  id: uuid,
  organizationId: uuid,
  budgetId: uuid,
  nodeId: uuid,
  metric: z.enum(['COST', 'TOKENS', 'REQUESTS']),
  threshold: z.int(),
  limit: integer,
  spent: integer,
  periodStart: z.string(),
  raisedAt: z.date(),
  seq: integer,
});

const SELECT = `
  select a.id::text as id, a.organization_id::text as "organizationId", a.budget_id::text as "budgetId",
         b.node_id::text as "nodeId", b.metric,
         a.threshold, a.limit_amount::text as "limit", a.spent::text as spent, a.period_start::text as "periodStart",
         a.raised_at as "raisedAt", a.seq::text as seq
  from billing.budget_alerts a
  join billing.budgets b on b.organization_id = a.organization_id and b.id = a.budget_id`;

const FIND = `${SELECT} where a.id = any ($1::uuid[])`;
const BEFORE = `${SELECT}
  where a.organization_id = $1::uuid and ($2::bigint is null or a.seq < $2::bigint)
    and ($4::uuid is null or b.node_id in (${BUDGET_NODES_WITHIN}))
  order by a.seq desc limit $3::int`;
const AFTER = `${SELECT} where a.organization_id = $1::uuid and a.seq > $2::bigint order by a.seq limit $3::int`;
const LATEST = `select coalesce(max(seq), 0)::text as seq from billing.budget_alerts where organization_id = $1::uuid`;

/** Alerts of the organization that the statements are scoped to. */
export function createAlertStore(query: Query) {
  const select = async (text: string, ...values: unknown[]): Promise<readonly BudgetAlert[]> =>
    (await query(text, values)).map((row) => rowSchema.parse(row));
  return {
    find: (ids: readonly Uuid[]) => select(FIND, ids),

    /** At most `take`, latest first, before a position. @param top Only of budgets on this account and below it. */
    list: (organizationId: Uuid, take: number, before: bigint | undefined, top: Uuid | undefined) =>
      select(BEFORE, organizationId, before?.toString() ?? null, take, top ?? null),

    /** At most `take`, in the order in which they were raised, after a position. */
    after: (organizationId: Uuid, seq: bigint, take: number) =>
      select(AFTER, organizationId, seq.toString(), take),

    /** Position of the latest alert; 0 when there is none. */
    async latest(organizationId: Uuid): Promise<bigint> {
      const [row] = await query<{ seq: string }>(LATEST, [organizationId]);
      return BigInt(row?.seq ?? '0');
    },
  };
}
