import type { ClientBase } from 'pg';
import type { Counter } from 'prom-client';
import { createDayStatement, type DayStatement } from '@weir/service/day-statement';
import type { AppliedBatch, LogReading, Projection } from '@weir/service/projection-step';
import { ALERTS_LOCK, raiseDueAlerts } from '../modules/alerts/raise-alerts.ts';
import { queryOfClient } from '../query.ts';
import { watchesOf } from './watched-budgets.ts';

export const BILLING_PROJECTOR_ROLE = 'weir_billing_projector';

/**
 * Every row but an intent adds its signed amounts to the organization, to each account of its path and to its key, so
 * that a budget's spend is a sum over one node. The lock that the batch holds makes sure that every budget that is not seen
 * here will see the batch's spend itself.
 */
const applyText = (days: string): string => `
  with batch as materialized (
    select l.xid, l.seq, l.class, l.organization_id, l.account_path, l.api_key_id, l.model_effective, l.business_date,
           l.input_tokens + l.cached_input_tokens + l.cache_write_tokens + l.output_tokens + l.reasoning_tokens as tokens,
           l.cost
    from ledger.attempt_log l
    where l.day in (${days}) and (l.xid, l.seq) > ($1::xid8, $2::bigint) and l.xid < $3::xid8
    order by l.xid, l.seq
    limit $4
  ),
  gathered as (
    select organization_id, account_path, api_key_id, model_effective as model, business_date,
           count(*) filter (where class = 'close') as requests, sum(tokens) as tokens, sum(cost) as cost_nano
    from batch where class <> 'intent'
    group by organization_id, account_path, api_key_id, model_effective, business_date
  ),
  spend as (
    select g.organization_id, n.node_id, g.model, g.business_date,
           sum(g.requests) as requests, sum(g.tokens) as tokens, sum(g.cost_nano) as cost_nano
    from gathered g
    cross join lateral unnest(g.organization_id || g.account_path || g.api_key_id) as n (node_id)
    group by g.organization_id, n.node_id, g.model, g.business_date
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
  ),
  watched as (
    select b.id, b.organization_id, b.node_id, b.metric, b.limit_amount::text as limit_amount, b.period, b.models,
           b.thresholds, array_agg(distinct a.business_date::text) as dates
    from applied a
    cross join lateral unnest(policy.spend_nodes(a.node_id)) as n (node_id)
    join billing.budgets b on b.node_id = n.node_id
    where b.status = 'ACTIVE'
    group by b.id
  )
  select (select count(*) from batch)::int as rows, last.xid::text as xid, last.seq::text as seq,
         coalesce((select jsonb_agg(to_jsonb(w)) from watched w), '[]') as watched
  from (select xid, seq from batch order by xid desc, seq desc limit 1) as last`;

interface Applied {
  readonly rows: number;
  readonly xid: string;
  readonly seq: string;
  /** The active budgets on nodes that consumed something. */
  readonly watched: readonly unknown[];
}

const APPLY: DayStatement<Applied> = createDayStatement('billing-apply', applyText);

async function apply(
  client: ClientBase,
  { after, belowXid, days }: LogReading,
  limit: number,
  alerts: Counter,
): Promise<AppliedBatch | undefined> {
  const { rows } = await APPLY.query(client, days, [after.xid, after.seq, belowXid, limit]);
  const [batch] = rows;
  if (!batch) return undefined;
  const raised = await raiseDueAlerts(queryOfClient(client), batch.watched.flatMap(watchesOf));
  // Subscribers hear of them with the commit, so none may be lost and raised a second time.
  if (raised > 0) await client.query('set local synchronous_commit to default');
  alerts.inc(raised);
  return { rows: batch.rows, last: { xid: batch.xid, seq: batch.seq } };
}

/** Spend per node, model and business date, and the alerts that it causes, in one transaction with the cursor. */
export function createSpendProjection(alerts: Counter): Projection {
  return {
    name: 'billing',
    cursorTable: 'billing.projection_cursor',
    lock: ALERTS_LOCK,
    apply: (client, reading, limit) => apply(client, reading, limit, alerts),
  };
}
