import type { CalendarSpan, Holding } from '@weir/counters/contract';
import type { SnapshotBudget, SnapshotCredit } from '@weir/contracts/policy-snapshot';
import { daySpan, periodSpan } from '@weir/kernel/period';
import type { AttemptBound } from './attempt-bound.ts';

export interface Holdings {
  readonly holdings: readonly Holding[];
  readonly day: CalendarSpan;
  /** Where day and budget periods overlap: within it the same request stays right. */
  readonly validWithin: CalendarSpan;
}

const MINUTE_MS = 60_000;
const NONE: readonly Holding[] = [];

/**
 * What a blocking budget's counter is called in one period. A new one whenever it begins to block again: what was spent
 * meanwhile is read from Postgres.
 */
export function budgetCounter(
  { id, blocksSinceMs }: Pick<SnapshotBudget, 'id' | 'blocksSinceMs'>,
  periodStartMs: number,
): string {
  return counterSince(`bud:${id}:${periodStartMs}`, blocksSinceMs);
}

/**
 * What the counter of an account's credit is called on one business day. A new one each day, because lots lapse with
 * days: what is gone is read from Postgres once a day, and only what was granted comes with the policy.
 */
export function creditCounter(
  { accountId, enforcedSinceMs }: Pick<SnapshotCredit, 'accountId' | 'enforcedSinceMs'>,
  dayStartMs: number,
): string {
  return counterSince(`crd:${accountId}:${dayStartMs}`, enforcedSinceMs);
}

function counterSince(name: string, sinceMs: number | null): string {
  return sinceMs === null ? name : `${name}:${sinceMs}`;
}

/** What an attempt has to fit into. */
export interface Held {
  readonly budgets: readonly SnapshotBudget[];
  readonly credits: readonly SnapshotCredit[];
}

/** Every blocking budget that counts the attempt, in the period that contains the instant, and all enforced credit. */
export function holdingsAt(
  { budgets, credits }: Held,
  bound: AttemptBound,
  timeZone: string,
  nowMs: number,
): Holdings {
  const day = daySpan(nowMs, timeZone);
  if (budgets.length === 0 && credits.length === 0) return { holdings: NONE, day, validWithin: day };
  let { startMs, endMs } = day;
  const holdings = budgets.map((budget) => {
    const period = periodSpan(budget.period, nowMs, timeZone);
    startMs = Math.max(startMs, period.startMs);
    endMs = Math.min(endMs, period.endMs);
    return holdingOf(budget, period.startMs, bound);
  });
  for (const credit of credits) {
    const counter = creditCounter(credit, day.startMs);
    holdings.push({ counter, metric: 'COST', limit: credit.granted, ...amountOf('COST', bound) });
  }
  return { holdings, day, validWithin: { startMs, endMs } };
}

function holdingOf(budget: SnapshotBudget, periodStartMs: number, bound: AttemptBound): Holding {
  const { metric, limit, graceMinutes } = budget;
  const { fixed, perOutputToken } = amountOf(metric, bound);
  const counter = currentCounter(budget, periodStartMs);
  return { counter, metric, limit, graceMs: graceMinutes * MINUTE_MS, fixed, perOutputToken };
}

/** The name of a budget's counter stays the same for a whole period, and a text that was looked up before is found sooner. */
const currentCounters = new WeakMap<
  SnapshotBudget,
  { readonly periodStartMs: number; readonly name: string }
>();

function currentCounter(budget: SnapshotBudget, periodStartMs: number): string {
  const known = currentCounters.get(budget);
  if (known?.periodStartMs === periodStartMs) return known.name;
  const name = budgetCounter(budget, periodStartMs);
  currentCounters.set(budget, { periodStartMs, name });
  return name;
}

function amountOf(
  metric: SnapshotBudget['metric'],
  bound: AttemptBound,
): Pick<Holding, 'fixed' | 'perOutputToken'> {
  switch (metric) {
    case 'COST':
      return { fixed: bound.costFixed, perOutputToken: bound.costPerOutputToken };
    case 'TOKENS':
      return { fixed: BigInt(bound.tokensFixed), perOutputToken: BigInt(bound.tokensPerOutputToken) };
    case 'REQUESTS':
      return { fixed: 1n, perOutputToken: 0n };
  }
}
