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
    select a.organization_id, n.kind, n.id, a.model_effective, a.provider, ${bucket}, ${list(SUMS, (sum) => `sum(a.${sum}_delta)`)}
    from attempt a
    cross join lateral (
      select 'ORGANIZATION' as kind, a.organization_id as id
      union all select 'ACCOUNT', unnest(a.account_path)
      union all select 'API_KEY', a.api_key_id
    ) as n
    group by a.organization_id, n.kind, n.id, a.model_effective, a.provider, ${bucket}
    order by n.id, ${bucket}, a.model_effective, a.provider
    on conflict (node_id, bucket, model, provider) do update
      set ${list(SUMS, (sum) => `${sum} = u.${sum} + excluded.${sum}`)}`;
}

const isError = (status: string): string =>
  `coalesce(${status} in ('ERROR', 'TIMEOUT', 'THROTTLED', 'INCOMPLETE'), false)::int`;

/**
 * Reads a batch, folds the rows of each attempt into one, adds what earlier batches knew of it, and applies the
 * difference: amounts are sums, attributes are those of the correction where there is one, whatever order the rows come
 * in. That an attempt counts as an error can therefore change, and the rollups change with it.
 *
 * Reading earlier events before writing them is safe because the cursor's row is locked: there is one writer.
 */
export const APPLY_USAGE = `
  with batch as materialized (
    select l.*, l.cost as cost_nano, to_timestamp(l.admitted_at_ms / 1000.0) as admitted_at
    from ledger.attempt_log l
    where (l.xid, l.seq) > ($1::xid8, $2::bigint) and l.xid < pg_snapshot_xmin(pg_current_snapshot())
    order by l.xid, l.seq
    limit $3
  ),
  amount as (
    select attempt_id, count(*) filter (where class = 'close') as requests_delta,
           ${list(AMOUNTS, (column) => `sum(${column}) as ${column}_delta`)}
    from batch where class <> 'intent' group by attempt_id
  ),
  described as (
    select distinct on (attempt_id) attempt_id, class, ${list([...DIMENSIONS, ...ATTRIBUTES], (column) => column)}
    from batch where class <> 'intent' order by attempt_id, class = 'adjust' desc
  ),
  attempt as materialized (
    select d.attempt_id, ${list(DIMENSIONS, (column) => `d.${column}`)},
           ${list(AMOUNTS, (column) => `coalesce(e.${column}, 0) + m.${column}_delta as ${column}, m.${column}_delta`)},
           m.requests_delta,
           ${list(ATTRIBUTES, (column) => `case when t.is_later then d.${column} else e.${column} end as ${column}`)},
           ${isError('case when t.is_later then d.status else e.status end')} - ${isError('e.status')} as errors_delta,
           case when t.is_later then d.latency_ms - coalesce(e.latency_ms, 0) else 0 end as latency_ms_sum_delta
    from described d
    join amount m using (attempt_id)
    left join analytics.usage_events e using (attempt_id)
    cross join lateral (select e.attempt_id is null or d.class = 'adjust' as is_later) as t
  ),
  event as (
    insert into analytics.usage_events
      (attempt_id, account_id, ${[...DIMENSIONS, ...AMOUNTS, ...ATTRIBUTES].join(', ')})
    select attempt_id, account_path[cardinality(account_path)], ${[...DIMENSIONS, ...AMOUNTS, ...ATTRIBUTES].join(', ')}
    from attempt order by attempt_id
    on conflict (attempt_id) do update
      set ${list([...AMOUNTS, ...ATTRIBUTES], (column) => `${column} = excluded.${column}`)}
  ),
  hourly as (${rollup('usage_hourly', `date_trunc('hour', a.admitted_at, 'UTC')`)}),
  daily as (${rollup('usage_daily', 'a.business_date')})
  select (select count(*) from batch)::int as rows, last.xid::text as xid, last.seq::text as seq
  from (select xid, seq from batch order by xid desc, seq desc limit 1) as last`;
