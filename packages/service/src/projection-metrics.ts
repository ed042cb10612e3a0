import { Counter, Gauge, type Registry } from 'prom-client';
import type { StepResult } from './projection-step.ts';

export interface ProjectionMetrics {
  observe(result: StepResult): void;
  failed(): void;
}

/** What operators watch of a projection: how far it is behind, who leads, how much it applies and how often it fails. */
export function createProjectionMetrics(
  registry: Registry,
  projection: string,
  isLeading: () => boolean,
): ProjectionMetrics {
  let waitingSinceMs: number | undefined;
  const labels = { projection };
  const labelNames = ['projection'] as const;
  new Gauge({
    name: 'weir_projection_lag_seconds',
    help: 'Age of the oldest row of the attempt log that is not projected yet; 0 when all are. Only the leader knows.',
    labelNames,
    registers: [registry],
    collect() {
      this.set(labels, waitingSinceMs === undefined ? 0 : Math.max(0, Date.now() - waitingSinceMs) / 1000);
    },
  });
  new Gauge({
    name: 'weir_projection_leading',
    help: '1 where this process keeps the projection up to date, 0 where it stands by.',
    labelNames,
    registers: [registry],
    collect() {
      this.set(labels, isLeading() ? 1 : 0);
    },
  });
  const rows = new Counter({
    name: 'weir_projection_rows_total',
    help: 'Rows of the attempt log that were applied.',
    labelNames,
    registers: [registry],
  });
  const failures = new Counter({
    name: 'weir_projection_failures_total',
    help: 'Batches that were rolled back or connections that were lost.',
    labelNames,
    registers: [registry],
  });
  return {
    observe(result) {
      if (result.kind === 'applied') rows.inc(labels, result.rows);
      waitingSinceMs = result.kind === 'blocked' ? Date.now() - result.lagMs : undefined;
    },
    failed() {
      failures.inc(labels);
      waitingSinceMs ??= Date.now();
    },
  };
}
