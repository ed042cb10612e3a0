import type { Uuid } from '@weir/kernel/ids';
import type { Transaction } from '@weir/prisma/tenant';
import type { Freshness } from './freshness.ts';
import type { UsageRow } from './usage.ts';
import type { BucketSpan, Granularity } from './usage-range.ts';

export interface NodeUsageRow extends UsageRow {
  readonly nodeId: Uuid;
}

interface SumRow {
  readonly node_id: Uuid;
  readonly bucket: string;
  readonly model: string;
  readonly requests: string;
  readonly errors: string;
  readonly input: string;
  readonly cached_input: string;
  readonly cache_write: string;
  readonly output: string;
  readonly reasoning: string;
  readonly cost: string;
}

const SUMS = `
  sum(requests)::text as requests, sum(errors)::text as errors, sum(input_tokens)::text as input,
  sum(cached_input_tokens)::text as cached_input, sum(cache_write_tokens)::text as cache_write,
  sum(output_tokens)::text as output, sum(reasoning_tokens)::text as reasoning, sum(cost_nano)::text as cost`;

const HOURLY = `
  select node_id::text as node_id, (extract(epoch from bucket) * 1000)::bigint::text as bucket, model, ${SUMS}
  from analytics.usage_hourly
  where node_id = any ($1::uuid[])
    and bucket >= to_timestamp($2::float8 / 1000) and bucket <= to_timestamp($3::float8 / 1000)
  group by node_id, bucket, model`;

const DAILY = `
  select node_id::text as node_id, bucket::text as bucket, model, ${SUMS}
  from analytics.usage_daily
  where node_id = any ($1::uuid[]) and bucket >= $2::date and bucket <= $3::date
  group by node_id, bucket, model`;

const FRESHNESS = `
  select analytics.projection_lag_seconds() as lag_seconds,
         (select max(admitted_at) from analytics.usage_events where organization_id = $1::uuid) as last_event_at`;

function fromRow(row: SumRow): NodeUsageRow {
  return {
    nodeId: row.node_id,
    bucket: row.bucket,
    model: row.model,
    requests: BigInt(row.requests),
    errors: BigInt(row.errors),
    input: BigInt(row.input),
    cachedInput: BigInt(row.cached_input),
    cacheWrite: BigInt(row.cache_write),
    output: BigInt(row.output),
    reasoning: BigInt(row.reasoning),
    cost: BigInt(row.cost),
  };
}

/** Sums of the organization that the transaction is scoped to. */
export function createUsageStore(tx: Transaction) {
  return {
    /** What each node consumed per model in each of the buckets, from the first to the last. */
    async sums(
      nodeIds: readonly Uuid[],
      granularity: Granularity,
      first: BucketSpan,
      last: BucketSpan,
    ): Promise<readonly NodeUsageRow[]> {
      const [sql, from, to] =
        granularity === 'HOUR'
          ? ([HOURLY, first.startMs, last.startMs] as const)
          : ([DAILY, first.key, last.key] as const);
      const rows = await tx.$queryRawUnsafe<SumRow[]>(sql, [...nodeIds], from, to);
      return rows.map(fromRow);
    },

    async freshness(organizationId: Uuid): Promise<Freshness> {
      const [row] = await tx.$queryRawUnsafe<{ lag_seconds: number; last_event_at: Date | null }[]>(
        FRESHNESS,
        organizationId,
      );
      return { lagSeconds: row?.lag_seconds ?? 0, lastEventAt: row?.last_event_at ?? null };
    },

    /** The organization's business time zone. */
    async zone(organizationId: Uuid): Promise<string> {
      const [row] = await tx.$queryRawUnsafe<{ zone: string | null }[]>(
        'select policy.organization_zone($1::uuid) as zone',
        organizationId,
      );
      return row?.zone ?? 'UTC';
    },
  };
}
