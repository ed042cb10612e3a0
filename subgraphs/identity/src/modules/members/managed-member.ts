import { authorize, requireSignedIn, type SignedInActor } from '@weir/graphql/authorization';
import type { Action } from '@weir/contracts/actions';
import { AppError } from '@weir/kernel/errors';
import type { Uuid } from '@weir/kernel/ids';
import { err, ok, type Result } from '@weir/kernel/result';
import type { Database } from '@weir/prisma/database';
import { withTenant, type Transaction } from '@weir/prisma/tenant';
import { tenantOf, type ActorScope } from '../../actor-scope.ts';
import { createOrganizationStore } from '../organizations/organization-store.ts';
import type { Organization } from '../organizations/organization.ts';
import { reaches, type Role } from '../roles/role.ts';
import { noSuchMember, refuse, type MemberProblem } from './member-rules.ts';
import { createMembershipStore } from './membership-store.ts';
import type { Membership } from './membership.ts';

export type Person = Extract<SignedInActor, { readonly type: 'user' }>;

/** Who manages members, in a transaction in which nobody else changes members of the organization. */
export interface Manager {
  readonly tx: Transaction;
  readonly actor: Person;
  readonly organization: Organization;
  readonly role: Role;
}

export type MemberAction = Extract<Action, `member:${string}`>;

/**
 * Lets a member manage others. Changes of one organization's members go one after the other, so that rules about all of
 * them (the last Owner) hold whoever acts at once.
 * @throws AppError UNAUTHENTICATED, NOT_FOUND for another organization, or FORBIDDEN.
 */
export async function asManager<T>(
  db: Database,
  scope: ActorScope,
  action: MemberAction,
  organizationId: Uuid,
  work: (manager: Manager) => Promise<T>,
): Promise<T> {
  const actor = authorize(scope.identity, action, { organizationId });
  return withTenant(db, tenantOf(scope.identity), async (tx) => {
    const organization = await createOrganizationStore(tx).lock(organizationId);
    const own =
      actor.type === 'user'
        ? await createMembershipStore(tx).ofUser(organizationId, actor.userId)
        : undefined;
    // The permissions in hand may be a moment old; the membership that is read here is not.
    if (!organization || actor.type !== 'user' || own?.status !== 'ACTIVE') {
      throw new AppError('FORBIDDEN', 'Only active members of the organization manage its members.');
    }
    return work({ tx, actor, organization, role: own.role });
  });
}

/**
 * As `asManager`, for one member whom the manager's role reaches.
 * @throws AppError UNAUTHENTICATED or FORBIDDEN.
 */
export async function withMember<T, E>(
  db: Database,
  scope: ActorScope,
  action: MemberAction,
  id: Uuid,
  work: (member: Membership, manager: Manager) => Promise<Result<T, E>>,
): Promise<Result<T, E | readonly MemberProblem[]>> {
  const { organizationId } = scope.identity;
  if (organizationId === null) {
    requireSignedIn(scope.identity);
    return noSuchMember();
  }
  return asManager(db, scope, action, organizationId, async (manager) => {
    const found = await memberOf(manager, id);
    return found.ok ? work(found.value, manager) : err(found.error);
  });
}

async function memberOf(
  { tx, role, organization }: Manager,
  id: Uuid,
): Promise<Result<Membership, readonly MemberProblem[]>> {
  const member = await createMembershipStore(tx).byId(id);
  // A person's memberships of other organizations are visible to them, and not what is managed here.
  if (member?.organizationId !== organization.id) return noSuchMember();
  if (reaches(role, member.role)) return ok(member);
  return refuse(
    'ABOVE_YOU',
    'This member’s role permits more than yours can give: ask an Owner or an Admin.',
    'id',
  );
}
