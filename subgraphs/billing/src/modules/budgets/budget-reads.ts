import type { Uuid } from '@weir/kernel/ids';
import type { Query } from '../../query.ts';
import type { Budget } from './budget.ts';
import { budgetOfRow } from './mapping.ts';

/** A place in the list of budgets, newest first. */
export interface BudgetPosition {
  readonly createdAt: Date;
  readonly id: Uuid;
}

export interface BudgetListQuery {
  readonly organizationId: Uuid;
  /** Only budgets on this account, what is below it and their keys; undefined for all. */
  readonly top: Uuid | undefined;
  readonly isArchived: boolean;
  /** At most so many, after the position. */
  readonly take: number;
  readonly after: BudgetPosition | undefined;
}

const SELECT = `
  select id::text as id, organization_id::text as "organizationId", node_kind as "nodeKind", node_id::text as "nodeId",
         name, metric, limit_amount::text as "limitAmount", period, models, enforcement, thresholds,
         grace_minutes as "graceMinutes", status, version, created_at as "createdAt"
  from billing.budgets`;

/** Nodes with budgets, of the organization `$1`, that the account `$4` reaches. */
export const BUDGET_NODES_WITHIN = `
  select p.node_id
  from policy.places_below(
    $1::uuid, $4::uuid, array(select distinct n.node_id from billing.budgets n where n.organization_id = $1::uuid)
  ) as p`;

const FIND = `${SELECT} where id = any ($1::uuid[])`;
const LIST = `${SELECT}
  where organization_id = $1::uuid and status = $2
    and ($3::timestamptz is null or (created_at, id) < ($3::timestamptz, $5::uuid))
    and ($4::uuid is null or node_id in (${BUDGET_NODES_WITHIN}))
  order by created_at desc, id desc limit $6::int`;

/** Reads budgets of the organization that the statements are scoped to. */
export function createBudgetReads(query: Query) {
  const select = async (text: string, ...values: unknown[]): Promise<readonly Budget[]> =>
    (await query(text, values)).map(budgetOfRow);
  return {
    find: (ids: readonly Uuid[]) => select(FIND, ids),

    list: ({ organizationId, top, isArchived, take, after }: BudgetListQuery) =>
      select(
        LIST,
        organizationId,
        isArchived ? 'ARCHIVED' : 'ACTIVE',
        after?.createdAt.toISOString() ?? null,
        top ?? null,
        after?.id ?? null,
        take,
      ),
  };
}
