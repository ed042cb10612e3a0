import type { LimitSet } from '@weir/contracts/policy-snapshot';

export const PLAN_TIERS = ['STARTER', 'GROWTH', 'ENTERPRISE'] as const;

export type PlanTier = (typeof PLAN_TIERS)[number];

/**
 * What a plan allows an organization whose own limits say nothing else. The database has the same table for the proxy
 * (`policy.plan_limits`); a test compares them.
 */
export const PLAN_LIMITS: Readonly<Record<PlanTier, LimitSet>> = {
  STARTER: {
    requestsPerMinute: 60,
    requestsPerDay: 10_000,
    tokensPerMinute: 100_000,
    tokensPerDay: 5_000_000,
    concurrency: 10,
  },
  GROWTH: {
    requestsPerMinute: 1_000,
    requestsPerDay: 500_000,
    tokensPerMinute: 2_000_000,
    tokensPerDay: 500_000_000,
    concurrency: 200,
  },
  ENTERPRISE: {},
};
