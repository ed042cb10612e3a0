import { newUuid, type Uuid } from '@weir/kernel/ids';
import type { Query } from '../../query.ts';
import { alertsDue, type Budget } from '../budgets/budget.ts';
import type { DateRange } from '../budgets/budget-period.ts';
import { spendOfRow, spentOf, type ModelSpend, type SpendRow } from '../budgets/budget-spend.ts';

export type WatchedBudget = Pick<
  Budget,
  'id' | 'organizationId' | 'nodeId' | 'metric' | 'limit' | 'models' | 'thresholds'
>;

/** A budget in one of its periods. */
export interface Watch {
  readonly budget: WatchedBudget;
  readonly range: DateRange;
}

interface DueAlert {
  readonly id: Uuid;
  readonly watch: Watch;
  readonly threshold: number;
  readonly spent: bigint;
}

/**
 * The advisory lock taken by whoever raises alerts, until the end of the transaction, and before looking at budgets or spend. Without it a
 * budget created while a batch is projected could miss the batch's spend while the batch misses the budget. It also makes
 * the order of `seq` the order of commits, so that a reader who goes on after a `seq` misses nothing.
 */
export const ALERTS_LOCK = 'weir.budget-alerts';

/** Takes the lock for the rest of the transaction. */
export async function lockAlerts(query: Query): Promise<void> {
  await query(`select pg_advisory_xact_lock(hashtextextended($1, 0))::text as locked`, [ALERTS_LOCK]);
}

/**
 * What was spent by model, and what was raised before, for each watch; a watch without spend has one row without a model.
 * Offset 0 keeps the planner from asking for a watch's nodes again with each row of spend.
 */
const POSITIONS = `
  select w.place::int as place, s.model, s.requests::text as requests, s.tokens::text as tokens,
         s.cost_nano::text as cost_nano,
         array(select a.threshold from billing.budget_alerts a
               where a.budget_id = w.budget_id and a.period_start = w.first and a.limit_amount = w.limit_amount) as raised
  from (
    select *, policy.spend_nodes(node_id) as nodes
    from unnest($1::uuid[], $2::bigint[], $3::uuid[], $4::date[], $5::date[]) with ordinality
      as watch (budget_id, limit_amount, node_id, first, past, place)
    offset 0
  ) as w
  left join lateral (
    select n.model, sum(n.requests) as requests, sum(n.tokens) as tokens, sum(n.cost_nano) as cost_nano
    from billing.node_spend n
    where n.node_id = any (w.nodes) and n.business_date >= w.first and n.business_date < w.past
    group by n.model
  ) as s on true`;

interface Position {
  readonly watch: Watch;
  readonly consumption: readonly ModelSpend[];
  readonly raised: ReadonlySet<number>;
}

type PositionRow = (SpendRow | { readonly place: number; readonly model: null }) & {
  readonly raised: readonly number[];
};

async function readPositions(query: Query, watches: readonly Watch[]): Promise<readonly Position[]> {
  const rows = await query<PositionRow>(POSITIONS, [
    watches.map(({ budget }) => budget.id),
    watches.map(({ budget }) => budget.limit.toString()),
    watches.map(({ budget }) => budget.nodeId),
    watches.map(({ range }) => range.first),
    watches.map(({ range }) => range.end),
  ]);
  const byPlace = Map.groupBy(rows, (row) => row.place);
  return watches.map((watch, index) => {
    const ofWatch = byPlace.get(index + 1) ?? [];
    const consumption = ofWatch.flatMap((row) => (row.model === null ? [] : [spendOfRow(row)]));
    return { watch, consumption, raised: new Set(ofWatch[0]?.raised) };
  });
}

const INSERT = `
  with raised as (
    insert into billing.budget_alerts
      (id, organization_id, budget_id, period_start, threshold, limit_amount, spent, raised_at)
    select a.id, a.organization_id, a.budget_id, a.period_start, a.threshold, a.limit_amount, a.spent, clock_timestamp()
    from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::date[], $5::int[], $6::bigint[], $7::bigint[]) with ordinality
      as a (id, organization_id, budget_id, period_start, threshold, limit_amount, spent, place)
    order by a.place
    on conflict (budget_id, period_start, threshold, limit_amount) do nothing
    returning id, organization_id, seq
  )
  select pg_notify('alert', json_build_object('organizationId', organization_id, 'alertId', id)::text)::text as sent
  from (select * from raised order by seq) as in_order`;

async function insertAlerts(query: Query, due: readonly DueAlert[]): Promise<number> {
  const rows = await query(INSERT, [
    due.map((alert) => alert.id),
    due.map((alert) => alert.watch.budget.organizationId),
    due.map((alert) => alert.watch.budget.id),
    due.map((alert) => alert.watch.range.first),
    due.map((alert) => alert.threshold),
    due.map((alert) => alert.watch.budget.limit.toString()),
    due.map((alert) => alert.spent.toString()),
  ]);
  return rows.length;
}

/**
 * Raises what is due for each watch, once per budget, period, threshold and limit, and signals it when the transaction
 * commits. The caller holds the lock of `lockAlerts`.
 * @returns How many alerts were raised.
 */
export async function raiseDueAlerts(query: Query, watches: readonly Watch[]): Promise<number> {
  if (watches.length === 0) return 0;
  const positions = await readPositions(query, watches);
  const due = positions.flatMap(({ watch, consumption, raised }): DueAlert[] => {
    const spent = spentOf(watch.budget, consumption);
    const thresholds = alertsDue(spent, watch.budget, raised);
    return thresholds.map((threshold) => ({ id: newUuid(), watch, threshold, spent }));
  });
  return due.length === 0 ? 0 : insertAlerts(query, due);
}
