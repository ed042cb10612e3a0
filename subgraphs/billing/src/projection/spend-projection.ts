import type { ClientBase } from 'pg';
import type { Counter } from 'prom-client';
import type { Uuid } from '@weir/kernel/ids';
import type { AppliedBatch, LogPosition, Projection } from '@weir/service/projection-step';
import { lockAlerts, raiseDueAlerts } from '../modules/alerts/raise-alerts.ts';
import { queryOfClient } from '../query.ts';
import { readWatches } from './watched-budgets.ts';

export const BILLING_PROJECTOR_ROLE = 'weir_billing_projector';

/**
 * Every row but an intent adds its signed amounts to the organization, to each account of its path and to its key, so
 * that a budget's spend is a sum over one node. Rows are locked in one order by every writer.
 */
const APPLY = `
  with batch as materialized (
    select l.xid, l.seq, l.class, l.organization_id, l.account_path, l.api_key_id, l.model_effective, l.business_date,
           l.input_tokens + l.cached_input_tokens + l.cache_write_tokens + l.output_tokens + l.reasoning_tokens as tokens,
           l.cost
    from ledger.attempt_log l
    where (l.xid, l.seq) > ($1::xid8, $2::bigint) and l.xid < pg_snapshot_xmin(pg_current_snapshot())
    order by l.xid, l.seq
    limit $3
  ),
  spend as (
    select b.organization_id, n.node_id, b.model_effective as model, b.business_date,
           count(*) filter (where b.class = 'close') as requests, sum(b.tokens) as tokens, sum(b.cost) as cost_nano
    from batch b
    cross join lateral unnest(b.organization_id || b.account_path || b.api_key_id) as n (node_id)
    where b.class <> 'intent'
    group by b.organization_id, n.node_id, b.model_effective, b.business_date
  ),
  applied as (
    insert into billing.node_spend as s (organization_id, node_id, model, business_date, requests, tokens, cost_nano)
    select organization_id, node_id, model, business_date, requests, tokens, cost_nano from spend
    order by node_id, business_date, model
    on conflict (node_id, business_date, model) do update
      set requests = s.requests + excluded.requests,
          tokens = s.tokens + excluded.tokens,
          cost_nano = s.cost_nano + excluded.cost_nano
    returning s.node_id, s.business_date
  )
  select (select count(*) from batch)::int as rows,
         last.xid::text as xid, last.seq::text as seq,
         coalesce((
           select jsonb_agg(distinct jsonb_build_object('nodeId', node_id, 'businessDate', business_date)) from applied
         ), '[]') as touched
  from (select xid, seq from batch order by xid desc, seq desc limit 1) as last`;

interface Applied {
  readonly rows: number;
  readonly xid: string;
  readonly seq: string;
  readonly touched: readonly { readonly nodeId: Uuid; readonly businessDate: string }[];
}

async function apply(
  client: ClientBase,
  from: LogPosition,
  limit: number,
  alerts: Counter,
): Promise<AppliedBatch | undefined> {
  const query = queryOfClient(client);
  await lockAlerts(query);
  const { rows } = await client.query<Applied>({
    name: 'billing-apply',
    text: APPLY,
    values: [from.xid, from.seq, limit],
  });
  const [batch] = rows;
  if (!batch) return undefined;
  alerts.inc(await raiseDueAlerts(query, await readWatches(query, batch.touched)));
  return { rows: batch.rows, last: { xid: batch.xid, seq: batch.seq } };
}

/** Spend per node, model and business date, and the alerts that it causes, in one transaction with the cursor. */
export function createSpendProjection(alerts: Counter): Projection {
  return {
    name: 'billing',
    cursorTable: 'billing.projection_cursor',
    apply: (client, from, limit) => apply(client, from, limit, alerts),
  };
}
