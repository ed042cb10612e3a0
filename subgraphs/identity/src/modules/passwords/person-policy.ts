import type { Uuid } from '@weir/kernel/ids';
import type { Transaction } from '@weir/prisma/tenant';
import { createOrganizationStore } from '../organizations/organization-store.ts';
import { createUserStore } from '../users/user-store.ts';
import type { User } from '../users/user.ts';
import { DEFAULT_PASSWORD_POLICY, type PasswordPolicy } from './new-password.ts';

/** What decides whether a person may have a password. */
export interface PersonPolicy {
  readonly user: User;
  /** Where the person is an active member, the oldest first. */
  readonly organizationIds: readonly Uuid[];
  /** What others know of the person. */
  readonly about: readonly string[];
  /** The strictest of their organizations. */
  readonly policy: PasswordPolicy;
}

/** In a transaction that sees the person's own rows. Undefined for nobody, and for a person who may not act. */
export async function personPolicyOf(tx: Transaction, userId: Uuid): Promise<PersonPolicy | undefined> {
  const users = createUserStore(tx);
  const [user] = await users.byIds([userId]);
  if (user?.status !== 'ACTIVE') return undefined;
  const memberships = await users.membershipsOfAll([userId]);
  const active = memberships.filter((membership) => membership.status === 'ACTIVE');
  const organizationIds = active.map((membership) => membership.organizationId);
  const organizations = await createOrganizationStore(tx).byIds(organizationIds);
  const lengths = organizations.map((organization) => organization.settings.passwordPolicy.lengthMin);
  return {
    user,
    organizationIds,
    about: [user.email, user.displayName, ...organizations.flatMap(({ name, slug }) => [name, slug])],
    policy: { lengthMin: Math.max(DEFAULT_PASSWORD_POLICY.lengthMin, ...lengths) },
  };
}
