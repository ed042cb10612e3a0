import { canSee } from '@weir/graphql/authorization';
import type { Uuid } from '@weir/kernel/ids';
import type { Database } from '@weir/prisma/database';
import { withTenant } from '@weir/prisma/tenant';
import { tenantOf, type ActorScope } from '../../actor-scope.ts';
import type { Membership } from '../members/membership.ts';
import { lacksRequiredFactor } from '../members/required-factor.ts';
import type { User } from './user.ts';

export interface UserService {
  /**
   * Oneself, or a colleague for those who may see members; null for everybody else.
   * @throws AppError FORBIDDEN for a colleague without the permission.
   */
  byId(scope: ActorScope, id: Uuid): Promise<User | null>;
  /** Whether whoever acts may do nothing until they have enrolled a second factor. */
  lacksRequiredFactor(scope: ActorScope): Promise<boolean>;
  /** The active memberships of whoever acts, the oldest first; empty for a program. */
  ownMemberships(scope: ActorScope): Promise<readonly Membership[]>;
}

export function createUserService({ db }: { readonly db: Database }): UserService {
  return {
    async lacksRequiredFactor({ identity, loaders }) {
      const { actor, organizationId } = identity;
      if (actor.type !== 'user' || organizationId === null) return false;
      const memberships = await loaders.memberships.load(actor.userId);
      const membership = memberships.find((candidate) => candidate.organizationId === organizationId);
      const organization = await loaders.organizations.load(organizationId);
      if (!membership || !organization) return false;
      return withTenant(db, tenantOf(identity), (tx) => lacksRequiredFactor(tx, membership, organization));
    },

    async byId({ identity, loaders }, id) {
      const { actor, organizationId } = identity;
      const isOneself = actor.type === 'user' && actor.userId === id;
      // Row-level security shows oneself and the members of the organization, so a stranger loads as null.
      const user = await loaders.users.load(id);
      if (!user || isOneself) return user;
      return organizationId !== null && canSee(identity, 'member:read', { organizationId }) ? user : null;
    },

    async ownMemberships({ identity, loaders }) {
      if (identity.actor.type !== 'user') return [];
      const memberships = await loaders.memberships.load(identity.actor.userId);
      return memberships.filter((membership) => membership.status === 'ACTIVE');
    },
  };
}
