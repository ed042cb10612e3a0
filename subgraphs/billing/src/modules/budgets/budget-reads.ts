import type { Uuid } from '@weir/kernel/ids';
import type { Query } from '../../query.ts';
import type { Budget } from './budget.ts';
import { budgetOfRow } from './mapping.ts';

/** A place in the list of budgets, newest first. */
export interface BudgetPosition {
  readonly createdAt: Date;
  readonly id: Uuid;
}

const SELECT = `
  select id::text as id, organization_id::text as "organizationId", node_kind as "nodeKind", node_id::text as "nodeId",
         name, metric, limit_amount::text as "limitAmount", period, models, enforcement, thresholds,
         grace_minutes as "graceMinutes", status, version, created_at as "createdAt"
  from billing.budgets`;

const FIND = `${SELECT} where id = any ($1::uuid[])`;
const LIST = `${SELECT}
  where organization_id = $1::uuid and status = $2
    and ($3::timestamptz is null or (created_at, id) < ($3::timestamptz, $4::uuid))
  order by created_at desc, id desc limit $5::int`;

/** Reads budgets of the organization that the statements are scoped to. */
export function createBudgetReads(query: Query) {
  const select = async (text: string, ...values: unknown[]): Promise<readonly Budget[]> =>
    (await query(text, values)).map(budgetOfRow);
  return {
    find: (ids: readonly Uuid[]) => select(FIND, ids),

    /** @param take At most so many, after the position. */
    list: (organizationId: Uuid, isArchived: boolean, take: number, after: BudgetPosition | undefined) =>
      select(
        LIST,
        organizationId,
        isArchived ? 'ARCHIVED' : 'ACTIVE',
        after?.createdAt.toISOString() ?? null,
        after?.id ?? null,
        take,
      ),
  };
}
