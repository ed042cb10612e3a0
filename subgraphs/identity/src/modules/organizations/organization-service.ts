import { authorize } from '@weir/graphql/authorization';
import { mayOnPlatform } from '@weir/graphql/platform-authorization';
import { connectionOf, pageOf, type Connection, type ConnectionArgs } from '@weir/graphql/connection';
import type { Uuid } from '@weir/kernel/ids';
import type { Database } from '@weir/prisma/database';
import { withTenant } from '@weir/prisma/tenant';
import { tenantOf, type ActorScope } from '../../actor-scope.ts';
import { creationOrder, creationPosition } from '../../creation-order.ts';
import { createDeletion, type Deletion } from './delete-organization.ts';
import { createOrganizationChangeStore } from './organization-change-store.ts';
import type { OrganizationChange } from './organization-change.ts';
import { createOrganizationChanges, type OrganizationChanges } from './organization-changes.ts';
import type { OrganizationResult } from './organization-guard.ts';
import { createOrganizationStore } from './organization-store.ts';
import type { Organization } from './organization.ts';
import type { OrganizationDeps } from './organization-deps.ts';

export interface OrganizationService extends OrganizationChanges {
  /**
   * Closes an organization for good: for its Owners, and for people who operate the platform.
   * @throws AppError UNAUTHENTICATED, NOT_FOUND or FORBIDDEN.
   */
  delete(scope: ActorScope, deletion: Deletion): Promise<OrganizationResult>;
  /**
   * Null when the actor neither belongs to it nor operates the platform.
   * @throws AppError UNAUTHENTICATED, or FORBIDDEN when a member may not see it.
   */
  byId(scope: ActorScope, id: Uuid): Promise<Organization | null>;
  /** By its slug, as `byId`. */
  bySlug(scope: ActorScope, slug: string): Promise<Organization | null>;
  /** What was changed of the organization itself, the latest first. @throws AppError as `byId`. */
  changes(scope: ActorScope, id: Uuid, args: ConnectionArgs): Promise<Connection<OrganizationChange>>;
}

const CHANGES = creationOrder<OrganizationChange>('organizationChanges.createdAt');

/** A person sees the name of every organization they are a member of, not only of the one they act in. */
async function isMember({ identity, loaders }: ActorScope, organizationId: Uuid): Promise<boolean> {
  if (identity.actor.type !== 'user') return false;
  const memberships = await loaders.memberships.load(identity.actor.userId);
  return memberships.some(
    (membership) => membership.organizationId === organizationId && membership.status === 'ACTIVE',
  );
}

/** What somebody who operates the platform reads across organizations. */
function onPlatform<T>(
  db: Database,
  read: (store: ReturnType<typeof createOrganizationStore>) => Promise<T>,
): Promise<T> {
  return withTenant(db, { platform: true }, (tx) => read(createOrganizationStore(tx)));
}

export function createOrganizationService(deps: OrganizationDeps): OrganizationService {
  const { db } = deps;

  async function byId(scope: ActorScope, id: Uuid): Promise<Organization | null> {
    const { identity, loaders } = scope;
    if (identity.actor.type !== 'anonymous' && identity.organizationId !== id) {
      if (await isMember(scope, id)) {
        const organization = await loaders.organizations.load(id);
        // To its former members a deleted one is gone.
        return organization?.deletedAt === null ? organization : null;
      }
      if (!mayOnPlatform(identity, 'platformOrganization:read')) return null;
      return onPlatform(db, async (store) => (await store.byIds([id])).at(0) ?? null);
    }
    authorize(identity, 'organization:read', { organizationId: id });
    return loaders.organizations.load(id);
  }

  return {
    ...createOrganizationChanges(deps),

    delete: createDeletion(deps),

    byId,

    async bySlug(scope, slug) {
      const { identity } = scope;
      const visible = mayOnPlatform(identity, 'platformOrganization:read')
        ? await onPlatform(db, (store) => store.bySlug(slug))
        : await withTenant(db, tenantOf(identity), (tx) => createOrganizationStore(tx).bySlug(slug));
      return visible ? byId(scope, visible.id) : null;
    },

    async changes(scope, id, args) {
      const page = pageOf(args, CHANGES);
      const isOperator = mayOnPlatform(scope.identity, 'platformOrganization:read');
      if (!isOperator) authorize(scope.identity, 'organization:read', { organizationId: id });
      const after = creationPosition(page.after);
      const rows = await withTenant(db, { organizationId: id }, (tx) =>
        createOrganizationChangeStore(tx).list(id, after, page.take),
      );
      return connectionOf(rows, page, CHANGES);
    },
  };
}
