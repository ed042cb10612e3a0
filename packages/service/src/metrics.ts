import { collectDefaultMetrics, Registry } from 'prom-client';

/** Upper bounds for histograms in milliseconds, from a fraction of one to the longest request. */
export const MILLISECOND_BUCKETS: readonly number[] = [
  0.25, 0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000, 60_000, 300_000,
];

export interface MetricsOptions {
  readonly service: string;
  /** Memory, event loop and garbage collection of the process; false for all but one service of a shared process. */
  readonly processMetrics?: boolean;
}

/** One registry per service, every metric labelled with its name. Labels are few and never ids. */
export function createMetrics({ service, processMetrics = true }: MetricsOptions): Registry {
  const registry = new Registry();
  registry.setDefaultLabels({ service });
  if (processMetrics) collectDefaultMetrics({ register: registry });
  return registry;
}
