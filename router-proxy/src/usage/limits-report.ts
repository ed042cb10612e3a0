import type { InspectRequest } from '@weir/counters/contract';
import type { SnapshotBudget, SnapshotCredit } from '@weir/contracts/policy-snapshot';
import { encodeId } from '@weir/kernel/ids';
import { formatUsd } from '@weir/kernel/money';
import { daySpan, periodSpan } from '@weir/kernel/period';
import type { AttemptBound } from '../admission/attempt-bound.ts';
import { plainAmount } from '../admission/holding-denial.ts';
import { budgetCounter, creditCounter, holdingsAt, type Held } from '../admission/holdings.ts';
import { modelOf, scopeOf } from '../admission/subject.ts';
import { limitsFor, type ModelLimits } from '../admission/windows.ts';
import type { Policy } from '../keys/policy.ts';
import type { Inspection } from '../metering/contract.ts';
import type { ModelRoute } from '../routing/model-route.ts';

/** What binds a key: in all, or for one model. */
export type Binding = ModelLimits & Held;

/** Holds nothing; only what is there is asked for. */
const NOTHING: AttemptBound = {
  price: null,
  outputCap: null,
  costFixed: 0n,
  costPerOutputToken: 0n,
  tokensFixed: 0,
  tokensPerOutputToken: 0,
};

/** @param route Of the model that is asked about; without one, what counts whatever the model. */
export function bindingOf(policy: Policy, route: ModelRoute | null): Binding {
  return (
    route ?? {
      ...limitsFor(policy.limits, null),
      budgets: policy.blockingBudgets,
      credits: policy.snapshot.credits,
    }
  );
}

export function inspectRequestAt(policy: Policy, binding: Binding, nowMs: number): InspectRequest {
  const { id, timeZone } = policy.snapshot.organization;
  const { windows, concurrency } = binding;
  return { organizationId: id, windows, concurrency, ...holdingsAt(binding, NOTHING, timeZone, nowMs) };
}

/** Limits and budgets as they stand. */
export function limitsBody(policy: Policy, binding: Binding, inspection: Inspection) {
  const { nowMs } = inspection;
  return {
    limits: inspection.windows.map(
      ({ subject, metric, window, limit, remaining, resetMs, retryAfterMs }) => ({
        scope: scopeOf(subject),
        model: modelOf(subject),
        metric,
        window,
        limit,
        remaining,
        resets_at: new Date(nowMs + resetMs).toISOString(),
        retry_after_seconds: Math.ceil(retryAfterMs / 1_000),
      }),
    ),
    concurrency: inspection.concurrency.map(({ subject, limit, running }) => ({
      scope: scopeOf(subject),
      model: modelOf(subject),
      limit,
      running,
    })),
    budgets: binding.budgets.map((budget) => budgetBody(policy, budget, inspection)),
    credit: binding.credits.map((credit) => creditBody(policy, credit, inspection)),
  };
}

const BUDGET_SCOPES = { ORGANIZATION: 'organization', ACCOUNT: 'account', API_KEY: 'apiKey' } as const;

function budgetBody(policy: Policy, budget: SnapshotBudget, { holdings, nowMs }: Inspection) {
  const { timeZone } = policy.snapshot.organization;
  const { startMs, endMs } = periodSpan(budget.period, nowMs, timeZone);
  const standing = holdings.find(({ counter }) => counter === budgetCounter(budget, startMs));
  const [spent, held] = [standing?.committed ?? 0n, standing?.held ?? 0n];
  const left = budget.limit - spent - held;
  const amount = (value: bigint): string => plainAmount(budget.metric, value);
  const grace = standing?.grace;
  return {
    id: encodeId('budget', budget.id),
    name: budget.name,
    scope: BUDGET_SCOPES[budget.nodeKind],
    models: budget.models,
    metric: budget.metric,
    period: budget.period,
    limit: amount(budget.limit),
    spent: amount(spent),
    held: amount(held),
    remaining: amount(left > 0n ? left : 0n),
    resets_at: budget.period === 'TOTAL' ? null : new Date(endMs).toISOString(),
    grace_minutes: budget.graceMinutes,
    grace_ends_at: grace?.kind === 'running' ? new Date(grace.untilMs).toISOString() : null,
    is_grace_over: grace?.kind === 'over',
  };
}

function creditBody(policy: Policy, credit: SnapshotCredit, { holdings, nowMs }: Inspection) {
  const { accountId, granted } = credit;
  const { accounts, organization } = policy.snapshot;
  const { startMs } = daySpan(nowMs, organization.timeZone);
  const standing = holdings.find(({ counter }) => counter === creditCounter(credit, startMs));
  return {
    account_id: encodeId('account', accountId),
    account_name: accounts.find(({ id }) => id === accountId)?.name ?? null,
    balance: formatUsd(granted - (standing?.committed ?? 0n)),
    held: formatUsd(standing?.held ?? 0n),
  };
}
