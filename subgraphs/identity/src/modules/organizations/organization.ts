import type { Uuid } from '@weir/kernel/ids';
import type { Limits } from '../access/limits.ts';

export const ORGANIZATION_STATUSES = ['ACTIVE', 'TRIAL', 'SUSPENDED', 'CLOSED'] as const;

export type OrganizationStatus = (typeof ORGANIZATION_STATUSES)[number];

export interface Organization extends Limits {
  readonly id: Uuid;
  readonly slug: string;
  readonly name: string;
  readonly status: OrganizationStatus;
  readonly timeZone: string;
  /** Grows with every change. */
  readonly version: number;
  readonly createdAt: Date;
}

/** Members of a suspended organization still see it, to put things right; a closed one has no members any more. */
export function admitsMembers(organization: Organization): boolean {
  return organization.status !== 'CLOSED';
}

/** Programs of a suspended organization are refused, as on the inference path. */
export function admitsApiKeys(organization: Organization): boolean {
  return organization.status === 'ACTIVE' || organization.status === 'TRIAL';
}
