import type { Uuid } from '@weir/kernel/ids';
import type { BucketSpan, Granularity } from './usage-range.ts';

/** Sums of what attempts consumed. Tokens by class, which do not overlap; cost in nano-USD. */
export interface UsageSums {
  readonly requests: bigint;
  readonly errors: bigint;
  readonly input: bigint;
  readonly cachedInput: bigint;
  readonly cacheWrite: bigint;
  readonly output: bigint;
  readonly reasoning: bigint;
  readonly cost: bigint;
}

/** What a node consumed of a model in a bucket. */
export interface UsageRow extends UsageSums {
  /** Key of the bucket. */
  readonly bucket: string;
  readonly model: string;
}

export interface UsageReport {
  readonly organizationId: Uuid;
  readonly granularity: Granularity;
  readonly startMs: number;
  readonly endMs: number;
  readonly buckets: readonly (UsageSums & { readonly startMs: number })[];
  readonly totals: UsageSums;
  /** Dearest first, then by name. */
  readonly byModel: readonly (UsageSums & { readonly model: string })[];
}

const NOTHING: UsageSums = {
  requests: 0n,
  errors: 0n,
  input: 0n,
  cachedInput: 0n,
  cacheWrite: 0n,
  output: 0n,
  reasoning: 0n,
  cost: 0n,
};

function add(a: UsageSums, b: UsageSums): UsageSums {
  return {
    requests: a.requests + b.requests,
    errors: a.errors + b.errors,
    input: a.input + b.input,
    cachedInput: a.cachedInput + b.cachedInput,
    cacheWrite: a.cacheWrite + b.cacheWrite,
    output: a.output + b.output,
    reasoning: a.reasoning + b.reasoning,
    cost: a.cost + b.cost,
  };
}

export function sumOf(rows: readonly UsageSums[]): UsageSums {
  return rows.reduce(add, NOTHING);
}

export function totalTokens({ input, cachedInput, cacheWrite, output, reasoning }: UsageSums): bigint {
  return input + cachedInput + cacheWrite + output + reasoning;
}

/** A point for every bucket, empty ones included, and the same rows summed up and by model. */
export function reportOf(
  organizationId: Uuid,
  granularity: Granularity,
  spans: readonly BucketSpan[],
  rows: readonly UsageRow[],
): UsageReport {
  const byBucket = Map.groupBy(rows, (row) => row.bucket);
  const byModel = Map.groupBy(rows, (row) => row.model);
  return {
    organizationId,
    granularity,
    startMs: spans[0]?.startMs ?? 0,
    endMs: spans.at(-1)?.endMs ?? 0,
    buckets: spans.map(({ key, startMs }) => ({ startMs, ...sumOf(byBucket.get(key) ?? []) })),
    totals: sumOf(rows),
    byModel: [...byModel]
      .map(([model, ofModel]) => ({ model, ...sumOf(ofModel) }))
      .toSorted(
        (a, b) => Number(b.cost > a.cost) - Number(b.cost < a.cost) || a.model.localeCompare(b.model),
      ),
  };
}
