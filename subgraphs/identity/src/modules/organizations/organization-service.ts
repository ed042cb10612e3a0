import { recordAudit } from '@weir/graphql/audit';
import { changesOf } from '@weir/graphql/audit-metadata';
import { authorize } from '@weir/graphql/authorization';
import { userError, type UserErrorValue } from '@weir/graphql/user-errors';
import { AppError } from '@weir/kernel/errors';
import type { Uuid } from '@weir/kernel/ids';
import { err, ok, type Result } from '@weir/kernel/result';
import type { Database } from '@weir/prisma/database';
import { withTenant } from '@weir/prisma/tenant';
import { tenantOf, type ActorScope } from '../../actor-scope.ts';
import { DISPLAY_NAME_RULE, parseDisplayName } from '../../display-name.ts';
import type { OrganizationErrorCode } from '../../generated/resolvers-types.ts';
import { limitErrors } from '../access/access-change.ts';
import { changeLimits, type LimitsChange } from '../access/limits.ts';
import { topOf } from '../accounts/visible-subtree.ts';
import type { Organization } from './organization.ts';
import { createOrganizationStore, type OrganizationChanges } from './organization-store.ts';

export interface OrganizationService {
  /**
   * Null when the actor does not belong to it.
   * @throws AppError UNAUTHENTICATED, or FORBIDDEN when a member may not see it.
   */
  byId(scope: ActorScope, id: Uuid): Promise<Organization | null>;
  /** @throws AppError UNAUTHENTICATED, NOT_FOUND (another organization) or FORBIDDEN. */
  update(scope: ActorScope, update: OrganizationUpdate): Promise<OrganizationResult>;
}

/** Undefined leaves a member as it is. */
export interface OrganizationUpdate extends LimitsChange {
  readonly id: Uuid;
  readonly name?: string | undefined;
  readonly timeZone?: string | undefined;
  readonly expectedVersion?: number | undefined;
}

export type OrganizationProblem = UserErrorValue<OrganizationErrorCode>;
export type OrganizationResult = Result<Organization, readonly OrganizationProblem[]>;

const SETTINGS = ['name', 'timeZone', 'limits', 'modelLimits'] as const;

/** A person sees the name of every organization they are a member of, not only of the one they act in. */
async function isMember({ identity, loaders }: ActorScope, organizationId: Uuid): Promise<boolean> {
  if (identity.actor.type !== 'user') return false;
  const memberships = await loaders.memberships.load(identity.actor.userId);
  return memberships.some(
    (membership) => membership.organizationId === organizationId && membership.status === 'ACTIVE',
  );
}

function checkUpdate(
  current: Organization,
  update: OrganizationUpdate,
): Result<OrganizationChanges, readonly OrganizationProblem[]> {
  const { expectedVersion, timeZone = current.timeZone } = update;
  if (expectedVersion !== undefined && expectedVersion !== current.version) {
    const message = 'The organization has changed meanwhile: read it again.';
    return err([userError('CONFLICT', message, 'expectedVersion')]);
  }
  const name = update.name === undefined ? current.name : parseDisplayName(update.name);
  const limits = changeLimits(current, update, []);
  if (name !== undefined && limits.ok) return ok({ ...limits.value, name, timeZone });
  return err([
    ...(name === undefined ? [userError('INVALID_NAME', DISPLAY_NAME_RULE, 'name')] : []),
    ...(limits.ok ? [] : limitErrors(limits.error)),
  ]);
}

export function createOrganizationService({ db }: { readonly db: Database }): OrganizationService {
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

    async update(scope, update) {
      const { id } = update;
      authorize(scope.identity, 'organization:update', { organizationId: id });
      if (await topOf(scope)) {
        throw new AppError(
          'FORBIDDEN',
          'An API key of an account below the root cannot change the organization.',
        );
      }
      return withTenant(db, tenantOf(scope.identity), async (tx) => {
        const store = createOrganizationStore(tx);
        const current = await store.lock(id);
        if (!current) throw new AppError('NOT_FOUND', 'There is nothing with this id.');
        const checked = checkUpdate(current, update);
        if (!checked.ok) return checked;
        await store.update(id, checked.value);
        const [organization = current] = await store.byIds([id]);
        scope.loaders.organizations.clear(id).prime(id, organization);
        await recordAudit(tx, scope.identity, {
          organizationId: id,
          action: 'org.update',
          target: { type: 'organization', id, name: organization.name },
          metadata: changesOf(current, organization, SETTINGS),
        });
        return ok(organization);
      });
    },
  };
}
