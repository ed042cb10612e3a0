import type { Uuid } from '@weir/kernel/ids';
import type { BudgetMetric } from '../budgets/budget.ts';

/** A threshold that a budget reached. It keeps the figures of its moment. */
export interface BudgetAlert {
  readonly id: Uuid;
  readonly organizationId: Uuid;
  readonly budgetId: Uuid;
  /** What the budget is on: the organization, an account or an API key. */
  readonly nodeId: Uuid;
  readonly metric: BudgetMetric;
  /** Percent of the limit. */
  readonly threshold: number;
  readonly limit: bigint;
  readonly spent: bigint;
  /** First business date of the period. */
  readonly periodStart: string;
  readonly raisedAt: Date;
  /** Position among the alerts of all organizations, in the order of commits. */
  readonly seq: bigint;
}
