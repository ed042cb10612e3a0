import type { Holding } from '../contract.ts';

/** How the scripts write the metric of a balance. */
export const METRIC_CODES = { COST: 'C', TOKENS: 'T', REQUESTS: 'R' } as const satisfies Record<
  Holding['metric'],
  string
>;
