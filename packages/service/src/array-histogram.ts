import type { Histogram, Registry } from 'prom-client';

export interface ArrayHistogramOptions {
  readonly name: string;
  readonly help: string;
  /** Upper bounds, ascending. */
  readonly buckets: readonly number[];
  readonly registry: Registry;
}

/** Counts one value. */
export type Observe = (value: number) => void;

/**
 * A histogram without labels that counts in an array. Every request observes several values, and the library's own
 * histogram checks, hashes and looks up a set of labels for each, which was 2 % of what a proxy computes.
 */
export function createArrayHistogram({ name, help, buckets, registry }: ArrayHistogramOptions): Observe {
  /** Per bucket; what is beyond the last bound comes last. */
  const counts = Array.from({ length: buckets.length + 1 }, () => 0);
  let sum = 0;

  const read = () => {
    let count = 0;
    const values: { metricName: string; labels: Record<string, number | string>; value: number }[] = [];
    for (const [bucket, own] of counts.entries()) {
      count += own;
      values.push({ metricName: `${name}_bucket`, labels: { le: buckets[bucket] ?? '+Inf' }, value: count });
    }
    values.push({ metricName: `${name}_sum`, labels: {}, value: sum });
    values.push({ metricName: `${name}_count`, labels: {}, value: count });
    return Promise.resolve({ name, help, type: 'histogram', aggregator: 'sum', values });
  };
  const reset = () => {
    counts.fill(0);
    sum = 0;
  };
  // Of a metric a registry asks its name, its values and that it starts anew; the library's type demands its own class.
  registry.registerMetric({ name, get: read, reset } as unknown as Histogram);

  return (value) => {
    let bucket = 0;
    while (bucket < buckets.length && value > (buckets[bucket] ?? 0)) bucket++;
    counts[bucket] = (counts[bucket] ?? 0) + 1;
    sum += value;
  };
}
