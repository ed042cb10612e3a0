import { newUuid, type Uuid } from '@weir/kernel/ids';
import type { Query } from '../../query.ts';
import { alertsDue, type Budget } from '../budgets/budget.ts';
import type { DateRange } from '../budgets/budget-period.ts';
import { readSpend, spentOf } from '../budgets/budget-spend.ts';

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
 * Taken by whoever raises alerts, until the end of the transaction, and before looking at budgets or spend. Without it a
 * budget created while a batch is projected could miss the batch's spend while the batch misses the budget. It also makes
 * the order of `seq` the order of commits, so that a reader who goes on after a `seq` misses nothing.
 */
export async function lockAlerts(query: Query): Promise<void> {
  await query(`select pg_advisory_xact_lock(hashtextextended('weir.budget-alerts', 0))::text as locked`, []);
}

const RAISED = `
  select w.place::int as place, a.threshold
  from unnest($1::uuid[], $2::date[], $3::bigint[]) with ordinality as w (budget_id, period_start, limit_amount, place)
  join billing.budget_alerts a
    on a.budget_id = w.budget_id and a.period_start = w.period_start and a.limit_amount = w.limit_amount`;

async function readRaised(query: Query, watches: readonly Watch[]): Promise<readonly ReadonlySet<number>[]> {
  const rows = await query<{ place: number; threshold: number }>(RAISED, [
    watches.map(({ budget }) => budget.id),
    watches.map(({ range }) => range.first),
    watches.map(({ budget }) => budget.limit.toString()),
  ]);
  const byPlace = Map.groupBy(rows, (row) => row.place);
  return watches.map((_, index) => new Set((byPlace.get(index + 1) ?? []).map((row) => row.threshold)));
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
  const spend = await readSpend(
    query,
    watches.map(({ budget, range }) => ({ nodeId: budget.nodeId, range })),
  );
  const raised = await readRaised(query, watches);
  const due = watches.flatMap((watch, index): DueAlert[] => {
    const spent = spentOf(watch.budget, spend[index] ?? []);
    const thresholds = alertsDue(spent, watch.budget, raised[index] ?? new Set());
    return thresholds.map((threshold) => ({ id: newUuid(), watch, threshold, spent }));
  });
  return due.length === 0 ? 0 : insertAlerts(query, due);
}
