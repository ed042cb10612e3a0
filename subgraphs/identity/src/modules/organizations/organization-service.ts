import { authorize } from '@weir/graphql/authorization';
import type { Uuid } from '@weir/kernel/ids';
import type { ActorScope } from '../../actor-scope.ts';
import type { Organization } from './organization.ts';

export interface OrganizationService {
  /**
   * Null when the actor does not belong to it.
   * @throws AppError UNAUTHENTICATED, or FORBIDDEN when a member may not see it.
   */
  byId(scope: ActorScope, id: Uuid): Promise<Organization | null>;
}

/** A person sees the name of every organization they are a member of, not only of the one they act in. */
async function isMember({ identity, loaders }: ActorScope, organizationId: Uuid): Promise<boolean> {
  if (identity.actor.type !== 'user') return false;
  const memberships = await loaders.memberships.load(identity.actor.userId);
  return memberships.some(
    (membership) => membership.organizationId === organizationId && membership.status === 'ACTIVE',
  );
}

export function createOrganizationService(): OrganizationService {
  return {
    async byId(scope, id) {
      const { identity, loaders } = scope;
      if (identity.actor.type === 'anonymous' || identity.organizationId === id) {
        authorize(identity, 'organization:read', { organizationId: id });
      } else if (!(await isMember(scope, id))) {
        return null;
      }
      return loaders.organizations.load(id);
    },
  };
}
