import { matchesPattern } from '@weir/kernel/pattern';
import type { Uuid } from '@weir/kernel/ids';
import type { Query } from '../../query.ts';
import type { Budget } from './budget.ts';
import type { DateRange } from './budget-period.ts';

/** What a node consumed of one model within some dates. */
export interface ModelSpend {
  readonly model: string;
  readonly requests: bigint;
  readonly tokens: bigint;
  readonly costNano: bigint;
}

export interface SpendWindow {
  readonly nodeId: Uuid;
  readonly range: DateRange;
}

/** The part of a node's consumption that a budget counts, in the unit of its metric. */
export function spentOf(
  budget: Pick<Budget, 'metric' | 'models'>,
  consumption: readonly ModelSpend[],
): bigint {
  const { metric, models } = budget;
  return consumption
    .filter(({ model }) => models === null || models.some((pattern) => matchesPattern(pattern, model)))
    .map((row) => (metric === 'COST' ? row.costNano : metric === 'TOKENS' ? row.tokens : row.requests))
    .reduce((sum, amount) => sum + amount, 0n);
}

const SPEND = `
  select w.place::int as place, s.model, sum(s.requests)::text as requests, sum(s.tokens)::text as tokens,
         sum(s.cost_nano)::text as cost_nano
  from unnest($1::uuid[], $2::date[], $3::date[]) with ordinality as w (node_id, first, past, place)
  cross join lateral unnest(policy.spend_nodes(w.node_id)) as n (node_id)
  join billing.node_spend s
    on s.node_id = n.node_id and s.business_date >= w.first and s.business_date < w.past
  group by w.place, s.model`;

/** Sums as both drivers read them. */
export interface SpendRow {
  readonly place: number;
  readonly model: string;
  readonly requests: string;
  readonly tokens: string;
  readonly cost_nano: string;
}

export function spendOfRow(row: SpendRow): ModelSpend {
  return {
    model: row.model,
    requests: BigInt(row.requests),
    tokens: BigInt(row.tokens),
    costNano: BigInt(row.cost_nano),
  };
}

/** Consumption by model for each window, in the order given; one statement for all. */
export async function readSpend(
  query: Query,
  windows: readonly SpendWindow[],
): Promise<readonly (readonly ModelSpend[])[]> {
  if (windows.length === 0) return [];
  const rows = await query<SpendRow>(SPEND, [
    windows.map((window) => window.nodeId),
    windows.map((window) => window.range.first),
    windows.map((window) => window.range.end),
  ]);
  const byPlace = Map.groupBy(rows, (row) => row.place);
  return windows.map((_, index) => (byPlace.get(index + 1) ?? []).map(spendOfRow));
}
