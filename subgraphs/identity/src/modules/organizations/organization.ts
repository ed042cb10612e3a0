import type { Uuid } from '@weir/kernel/ids';
import type { Limits } from '../access/limits.ts';
import type { OrganizationSettings } from '../organization-settings/organization-settings.ts';
import { PLAN_LIMITS, type PlanTier } from '../plans/plan.ts';
import type { OrganizationProfile } from './organization-profile.ts';

export const ORGANIZATION_STATUSES = ['ACTIVE', 'TRIAL', 'SUSPENDED', 'CLOSED'] as const;

export type OrganizationStatus = (typeof ORGANIZATION_STATUSES)[number];

export interface Organization extends Limits, OrganizationProfile {
  readonly id: Uuid;
  /** Never changes. */
  readonly slug: string;
  readonly status: OrganizationStatus;
  readonly planTier: PlanTier;
  readonly settings: OrganizationSettings;
  /** Grows with every change. */
  readonly version: number;
  readonly createdAt: Date;
  /** Null unless it was deleted, which also closed it. */
  readonly deletedAt: Date | null;
}

/** What binds every account and key: its plan's limits, and instead of them its own where it has them. */
export function effectiveLimits({ planTier, limits, modelLimits }: Organization): Limits {
  return { limits: { ...PLAN_LIMITS[planTier], ...limits }, modelLimits };
}

/** Members of a suspended organization still see it, to put things right; a closed one has no members any more. */
export function admitsMembers(organization: Organization): boolean {
  return organization.status !== 'CLOSED';
}

/** Programs of a suspended organization are refused, as on the inference path. */
export function admitsApiKeys(organization: Organization): boolean {
  return organization.status === 'ACTIVE' || organization.status === 'TRIAL';
}
