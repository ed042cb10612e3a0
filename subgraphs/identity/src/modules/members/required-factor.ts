import type { Transaction } from '@weir/prisma/tenant';
import type { Organization } from '../organizations/organization.ts';
import { createMemberActivity } from './member-activity.ts';
import type { PersonsMembership } from './membership.ts';

/**
 * Whether the person's role in the organization demands a second factor that they have not enrolled: until then they act
 * with no permissions. A custom role demands one whenever any system role does, as it can permit what that role does.
 * @param tx Sees the person's own rows, or those of the organization.
 */
export async function lacksRequiredFactor(
  tx: Transaction,
  { role, userId }: PersonsMembership,
  { settings }: Organization,
): Promise<boolean> {
  const { mfaRequiredRoles } = settings;
  const isRequired =
    role.kind === 'CUSTOM' ? mfaRequiredRoles.length > 0 : mfaRequiredRoles.includes(role.name);
  if (!isRequired) return false;
  return (await createMemberActivity(tx).mfaEnrollments([userId])).length === 0;
}
