import { authorizePlatform } from '@weir/graphql/platform-authorization';
import { connectionOf, pageOf, type Connection, type ConnectionArgs } from '@weir/graphql/connection';
import { userError } from '@weir/graphql/user-errors';
import type { PlatformAction } from '@weir/contracts/platform-matrix';
import { err, ok } from '@weir/kernel/result';
import { withTenant } from '@weir/prisma/tenant';
import type { ActorScope } from '../../actor-scope.ts';
import { creationOrder, creationPosition } from '../../creation-order.ts';
import { changeOrganization, type ChangeOrder } from '../organizations/change-organization.ts';
import {
  lockedVersion,
  type OrganizationResult,
  type Versioned,
} from '../organizations/organization-guard.ts';
import { createOrganizationStore, type OrganizationFilter } from '../organizations/organization-store.ts';
import type { Organization, OrganizationStatus } from '../organizations/organization.ts';
import { parseReason } from '../organizations/reason.ts';
import type { PlanTier } from '../plans/plan.ts';
import { createSessionStore } from '../sessions/session-store.ts';
import { createFounding, type PlatformFounding, type PlatformFoundingDeps } from './platform-founding.ts';

export type PlanUpdate = Versioned & { readonly planTier: PlanTier };
export type StatusUpdate = Versioned & { readonly status: OrganizationStatus; readonly reason: string };

/** What people who operate the platform do with organizations. Each throws AppError UNAUTHENTICATED or FORBIDDEN. */
export interface PlatformOrganizationService {
  list(
    scope: ActorScope,
    filter: OrganizationFilter,
    args: ConnectionArgs,
  ): Promise<Connection<Organization>>;
  create(scope: ActorScope, founding: PlatformFounding): Promise<OrganizationResult>;
  updatePlan(scope: ActorScope, update: PlanUpdate): Promise<OrganizationResult>;
  updateStatus(scope: ActorScope, update: StatusUpdate): Promise<OrganizationResult>;
}

const ORDER = creationOrder<Organization>('organizations.createdAt');
const DELETED = userError('DELETED', 'The organization was deleted: it stays closed.');
const INVALID_REASON = userError('INVALID_REASON', 'Give a reason of 1 to 500 characters.', 'reason');

export function createPlatformOrganizationService(deps: PlatformFoundingDeps): PlatformOrganizationService {
  const { db, clock } = deps;

  async function change(
    scope: ActorScope,
    update: Versioned,
    order: Omit<ChangeOrder, 'current' | 'nowMs'>,
  ): Promise<OrganizationResult> {
    const action: PlatformAction = 'platformOrganization:update';
    authorizePlatform(scope.identity, action);
    const { id } = update;
    return withTenant(db, { organizationId: id }, async (tx): Promise<OrganizationResult> => {
      const locked = await lockedVersion(tx, update);
      if (!locked.ok) return locked;
      if (locked.value.deletedAt !== null) return err([DELETED]);
      const nowMs = clock.now();
      // Whoever is signed in to a closed organization is not any more.
      if (order.next.status === 'CLOSED') await createSessionStore(tx).revokeAllIn(id, new Date(nowMs));
      const organization = await changeOrganization(tx, scope.identity, {
        ...order,
        current: locked.value,
        nowMs,
      });
      scope.loaders.organizations.clear(id).prime(id, organization);
      return ok(organization);
    });
  }

  return {
    async list(scope, filter, args) {
      authorizePlatform(scope.identity, 'platformOrganization:read');
      const page = pageOf(args, ORDER);
      const after = creationPosition(page.after);
      const rows = await withTenant(db, { platform: true }, (tx) =>
        createOrganizationStore(tx).list(filter, after, page.take),
      );
      return connectionOf(rows, page, ORDER);
    },

    create: createFounding(deps),

    updatePlan: (scope, { planTier, ...update }) =>
      change(scope, update, { next: { planTier }, kind: 'PLAN', action: 'org.plan_update' }),

    async updateStatus(scope, { status, reason: given, ...update }) {
      const reason = parseReason(given);
      if (reason === undefined) return err([INVALID_REASON]);
      return change(scope, update, { next: { status }, kind: 'STATUS', action: 'org.status_update', reason });
    },
  };
}
