/** What the log adds and every table keeps: columns of `ledger.attempt_log` that are additive and signed. */
const AMOUNTS = [
  'input_tokens',
  'cached_input_tokens',
  'cache_write_tokens',
  'output_tokens',
  'reasoning_tokens',
  'images',
  'audio_ms',
  'cost_nano',
] as const;

/** What an attempt is described by; a correction describes it better than what it corrects. */
const ATTRIBUTES = [
  'price_id',
  'metering_source',
  'status',
  'upstream_status',
  'error_code',
  'disconnected',
  'latency_ms',
  'time_to_first_byte_ms',
] as const;

/** What never changes between the rows of an attempt. */
const DIMENSIONS = [
  'request_id',
  'attempt_number',
  'organization_id',
  'account_path',
  'api_key_id',
  'model_requested',
  'model_effective',
  'provider',
  'provider_key_id',
  'decision',
  'endpoint',
  'stream',
  'business_date',
  'admitted_at',
] as const;

const list = (columns: readonly string[], toSql: (column: string) => string): string =>
  columns.map(toSql).join(', ');

const SUMS = ['requests', 'errors', ...AMOUNTS, 'latency_ms_sum'] as const;

/** One of the two rollups: the same sums under another bucket. */
function rollup(table: 'usage_hourly' | 'usage_daily', bucket: string): string {
  return `
    insert into analytics.${table} as u
      (organization_id, node_kind, node_id, model, provider, bucket, ${SUMS.join(', ')})
    select g.organization_id, n.kind, n.id, g.model_effective, g.provider, ${bucket}, ${list(SUMS, (sum) => `sum(g.${sum})`)}
    from gathered g
    cross join lateral (
      select 'ORGANIZATION' as kind, g.organization_id as id
      union all select 'ACCOUNT', unnest(g.account_path)
      union all select 'API_KEY', g.api_key_id
    ) as n
    group by g.organization_id, n.kind, n.id, g.model_effective, g.provider, ${bucket}
    order by n.id, ${bucket}, g.model_effective, g.provider
    on conflict (node_id, bucket, model, provider) do update
      set ${list(SUMS, (sum) => `${sum} = u.${sum} + excluded.${sum}`)}`;
}

const isError = (status: string): string =>
  `coalesce(${status} in ('ERROR', 'TIMEOUT', 'THROTTLED', 'INCOMPLETE'), false)::int`;

const EVENT_COLUMNS = [...DIMENSIONS, ...AMOUNTS, ...ATTRIBUTES];

/** What the rollups tell apart, before they are multiplied by the nodes of the chain. */
const GROUP = 'organization_id, account_path, api_key_id, model_effective, provider, business_date, hour';

/**
 * Reads a batch and applies it. A settled close is never corrected (`ledger.append` corrects provisional ones alone), so
 * it becomes an event as it is. What may be corrected is folded: the rows of each attempt (at most a close and an
 * adjustment) into one, to which is added what earlier batches knew of it, and the difference is applied. Amounts are sums,
 * attributes are those of the correction where there is one, whatever order the rows come in. That an attempt counts as an
 * error can therefore change, and the rollups change with it.
 *
 * Reading earlier events before writing them is safe because the cursor's row is locked: there is one writer. It is also
 * why events need no conflict clause, which costs a tenth of everything here. Attempts are summed once per key and hour
 * before they are multiplied by the nodes of their chain; earlier events are found one by one, since a plan that was made
 * while the table was small would read all of it. Instants are computed without numeric and hours without time zones, which
 * took another tenth.
 */
export const applyUsageText = (days: string): string => `
  with batch as materialized (
    select l.*, l.cost as cost_nano, to_timestamp(l.admitted_at_ms / 1000.0::float8) as admitted_at,
           l.admitted_at_ms / 3600000 as hour
    from ledger.attempt_log l
    where l.day in (${days}) and (l.xid, l.seq) > ($1::xid8, $2::bigint) and l.xid < $3::xid8
    order by l.xid, l.seq
    limit $4
  ),
  settled as (select * from batch where kind = 'settled'),
  folded as (
    select attempt_id,
           ${list([...DIMENSIONS, 'hour'], (column) => `coalesce(c.${column}, a.${column}) as ${column}`)},
           ${list(ATTRIBUTES, (column) => `case when a.class is null then c.${column} else a.${column} end as ${column}`)},
           ${list(AMOUNTS, (column) => `coalesce(c.${column}, 0) + coalesce(a.${column}, 0) as ${column}_delta`)},
           (c.class is not null)::int as requests_delta, a.class is not null as is_adjusted
    from (select * from batch where kind = 'provisional') c
    full join (select * from batch where kind = 'adjusted') a using (attempt_id)
  ),
  correctable as materialized (
    select f.attempt_id, ${list([...DIMENSIONS, 'hour'], (column) => `f.${column}`)},
           ${list(AMOUNTS, (column) => `coalesce(e.${column}, 0) + f.${column}_delta as ${column}, f.${column}_delta`)},
           f.requests_delta, e.attempt_id is null as is_new,
           ${list(ATTRIBUTES, (column) => `case when t.is_later then f.${column} else e.${column} end as ${column}`)},
           ${isError('case when t.is_later then f.status else e.status end')} - ${isError('e.status')} as errors_delta,
           case when t.is_later then f.latency_ms - coalesce(e.latency_ms, 0) else 0 end as latency_ms_sum_delta
    from folded f
    left join lateral (
      select * from analytics.usage_events known where known.attempt_id = f.attempt_id offset 0
    ) e on true
    cross join lateral (select e.attempt_id is null or f.is_adjusted as is_later) as t
  ),
  first_told as (
    insert into analytics.usage_events (attempt_id, account_id, ${EVENT_COLUMNS.join(', ')})
    select attempt_id, account_path[cardinality(account_path)], ${EVENT_COLUMNS.join(', ')} from settled
    union all
    select attempt_id, account_path[cardinality(account_path)], ${EVENT_COLUMNS.join(', ')} from correctable where is_new
  ),
  corrected as (
    update analytics.usage_events e set ${list([...AMOUNTS, ...ATTRIBUTES], (column) => `${column} = a.${column}`)}
    from correctable a where not a.is_new and e.attempt_id = a.attempt_id
  ),
  told as (
    select ${GROUP}, admitted_at, 1 as requests, ${isError('status')} as errors, ${AMOUNTS.join(', ')},
           latency_ms as latency_ms_sum
    from settled
    union all
    select ${GROUP}, admitted_at, ${list(SUMS, (sum) => `${sum}_delta`)} from correctable
  ),
  gathered as materialized (
    select ${GROUP}, max(admitted_at) as last_used_at, ${list(SUMS, (sum) => `sum(${sum}) as ${sum}`)}
    from told group by ${GROUP}
  ),
  used as (
    insert into analytics.api_key_uses as u (api_key_id, organization_id, last_used_at)
    select api_key_id, organization_id, max(last_used_at) from gathered
    group by api_key_id, organization_id order by api_key_id
    on conflict (api_key_id) do update set last_used_at = excluded.last_used_at
      where excluded.last_used_at > u.last_used_at
  ),
  hourly as (${rollup('usage_hourly', 'to_timestamp(g.hour * 3600)')}),
  daily as (${rollup('usage_daily', 'g.business_date')})
  select (select count(*) from batch)::int as rows, last.xid::text as xid, last.seq::text as seq
  from (select xid, seq from batch order by xid desc, seq desc limit 1) as last`;
