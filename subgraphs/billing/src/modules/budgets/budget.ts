import type { Uuid } from '@weir/kernel/ids';

export type BudgetMetric = 'COST' | 'TOKENS' | 'REQUESTS';
export type BudgetPeriodKind = 'DAILY' | 'WEEKLY' | 'MONTHLY' | 'QUARTERLY' | 'YEARLY' | 'TOTAL';
export type BudgetEnforcement = 'WARN' | 'BLOCK' | 'NOTIFY';
export type BudgetStatus = 'OK' | 'WARN' | 'EXCEEDED';
export type BudgetNodeKind = 'ORGANIZATION' | 'ACCOUNT' | 'API_KEY';

export interface Budget {
  readonly id: Uuid;
  readonly organizationId: Uuid;
  readonly name: string;
  readonly nodeKind: BudgetNodeKind;
  readonly nodeId: Uuid;
  readonly metric: BudgetMetric;
  /** Nano-USD for COST, a count otherwise. */
  readonly limit: bigint;
  readonly period: BudgetPeriodKind;
  /** Patterns; null means every model. */
  readonly models: readonly string[] | null;
  readonly enforcement: BudgetEnforcement;
  /** Ascending percentages, 1 to 100. */
  readonly thresholds: readonly number[];
  readonly graceMinutes: number;
  readonly isArchived: boolean;
  readonly version: number;
  readonly createdAt: Date;
}

/** The thresholds that consumption has reached, in the order given. */
export function thresholdsReached(spent: bigint, limit: bigint, thresholds: readonly number[]): number[] {
  return thresholds.filter((threshold) => spent * 100n >= limit * BigInt(threshold));
}

/**
 * What alerts to raise now. What was raised before for the same budget, period and limit is left out, so that evaluating
 * twice, or after a correction that went down and up again, raises nothing twice.
 */
export function alertsDue(
  spent: bigint,
  budget: Pick<Budget, 'limit' | 'thresholds'>,
  raised: ReadonlySet<number>,
): number[] {
  return thresholdsReached(spent, budget.limit, budget.thresholds).filter(
    (threshold) => !raised.has(threshold),
  );
}

/** EXCEEDED from the limit on, WARN from the lowest threshold on. */
export function statusOf(spent: bigint, budget: Pick<Budget, 'limit' | 'thresholds'>): BudgetStatus {
  if (spent >= budget.limit) return 'EXCEEDED';
  return thresholdsReached(spent, budget.limit, budget.thresholds).length > 0 ? 'WARN' : 'OK';
}

/** What is left of the limit, never below zero. */
export function remainingOf(spent: bigint, limit: bigint): bigint {
  return spent >= limit ? 0n : limit - spent;
}

/** Percent of the limit, rounded down to two decimals, so that 100 is never shown before the limit is reached. */
export function percentUsed(spent: bigint, limit: bigint): number {
  return spent <= 0n ? 0 : Number((spent * 10_000n) / limit) / 100;
}
