import type { AuditAction } from '@weir/contracts/audit';
import { recordAudit } from '@weir/graphql/audit';
import type { AuditMetadata } from '@weir/graphql/audit-metadata';
import { requireSignedIn } from '@weir/graphql/authorization';
import type { Clock } from '@weir/kernel/clock';
import type { Uuid } from '@weir/kernel/ids';
import { ok, type Result } from '@weir/kernel/result';
import type { Database } from '@weir/prisma/database';
import { withTenant } from '@weir/prisma/tenant';
import type { ActorScope } from '../../actor-scope.ts';
import { createOrganizationStore } from '../organizations/organization-store.ts';
import { roleIdOf, type RoleReference } from '../roles/role-id.ts';
import { createRoleStore } from '../roles/role-store.ts';
import { isOwner, permissionsOf, reaches, type Role } from '../roles/role.ts';
import { createUserStore } from '../users/user-store.ts';
import { normalizeEmail } from '../users/user.ts';
import { withMember, type Manager } from './managed-member.ts';
import { createMemberKeys } from './member-keys.ts';
import {
  lastOwner,
  noSuchMember,
  noSuchRole,
  parseShortText,
  refuse,
  SHORT_TEXT_RULE,
  stillInvited,
  type MemberProblem,
  type MemberResult,
} from './member-rules.ts';
import { createMembershipStore } from './membership-store.ts';
import { isPersons, type Membership, type PersonsMembership } from './membership.ts';

export interface RoleChange {
  readonly id: Uuid;
  readonly role: RoleReference;
  /** What the change was confirmed for. */
  readonly expectedVersion: number;
}

export interface MemberChanges {
  /** @throws AppError UNAUTHENTICATED or FORBIDDEN. */
  setRole(scope: ActorScope, change: RoleChange): Promise<MemberResult>;
  /**
   * Ends the member's sessions in the organization and lets their own API keys wait.
   * @throws AppError UNAUTHENTICATED or FORBIDDEN.
   */
  suspend(scope: ActorScope, id: Uuid, reason: string): Promise<MemberResult>;
  /** @throws AppError UNAUTHENTICATED or FORBIDDEN. */
  reactivate(scope: ActorScope, id: Uuid): Promise<MemberResult>;
  /**
   * Ends the member's sessions in the organization and revokes their own API keys.
   * @param confirmation The member's address, typed.
   * @throws AppError UNAUTHENTICATED or FORBIDDEN.
   */
  remove(scope: ActorScope, id: Uuid, confirmation: string): Promise<MemberResult>;
  /**
   * What `remove` does, by the member.
   * @param confirmation The slug of the organization, typed.
   * @throws AppError UNAUTHENTICATED.
   */
  leave(scope: ActorScope, organizationId: Uuid, confirmation: string): Promise<MemberResult>;
}

export interface MemberDeps {
  readonly db: Database;
  readonly clock: Clock;
}

const ownMembership = () =>
  refuse('OWN_MEMBERSHIP', 'This is your own membership: leave the organization with memberLeave.', 'id');
const isOwn = (member: Membership, { actor }: Manager): boolean => member.userId === actor.userId;

/** Whether the organization would be without an Owner who can act. */
async function isLastOwner(member: Membership, { tx }: Pick<Manager, 'tx'>): Promise<boolean> {
  if (!isOwner(member.role) || member.status !== 'ACTIVE') return false;
  return (await createMembershipStore(tx).otherOwners(member)) === 0;
}

async function reread(member: Membership, { tx }: Pick<Manager, 'tx'>): Promise<Result<Membership, never>> {
  const changed = await createMembershipStore(tx).byId(member.id);
  if (!changed) throw new Error('a membership that was just changed is there');
  return ok(changed);
}

/** Neither the new role nor the change may give anybody, or oneself, more than they can have. */
async function problemOfRole(
  member: Membership,
  role: Role,
  manager: Manager,
): Promise<Result<never, readonly MemberProblem[]> | undefined> {
  if (!reaches(manager.role, role)) {
    return refuse('ROLE_NOT_GRANTABLE', 'This role permits more than yours can give.', 'roleId');
  }
  const held = permissionsOf(member.role);
  if (isOwn(member, manager) && permissionsOf(role).some((permission) => !held.includes(permission))) {
    return refuse(
      'ROLE_NOT_GRANTABLE',
      'You can only give up permissions of your own, not add any.',
      'roleId',
    );
  }
  return !isOwner(role) && (await isLastOwner(member, manager)) ? lastOwner() : undefined;
}

export function createMemberChanges({ db, clock }: MemberDeps): MemberChanges {
  const now = (): Date => new Date(clock.now());
  const audit = (
    scope: ActorScope,
    { tx }: Pick<Manager, 'tx'>,
    action: AuditAction,
    { id, organizationId, email }: Membership,
    metadata: AuditMetadata = {},
  ): Promise<void> =>
    recordAudit(tx, scope.identity, {
      organizationId,
      action,
      target: { type: 'membership', id, name: email ?? undefined },
      metadata,
    });

  async function depart(
    member: PersonsMembership,
    tx: Manager['tx'],
  ): Promise<{ readonly revokedKeys: number }> {
    const at = now();
    const members = createMembershipStore(tx);
    await members.endSessions(member, at);
    const revokedKeys = await createMemberKeys(tx).revoke(member, at);
    await members.delete(member.id);
    return { revokedKeys };
  }

  return {
    setRole: (scope, { id, role: reference, expectedVersion }) =>
      withMember(db, scope, 'member:updateRole', id, async (member, manager) => {
        if (member.version !== expectedVersion) {
          const message = 'The membership has changed meanwhile: read it again and confirm anew.';
          return refuse('CONFLICT', message, 'expectedVersion');
        }
        const role = await createRoleStore(manager.tx).resolve(member.organizationId, reference);
        if (!role) return noSuchRole();
        const problem = await problemOfRole(member, role, manager);
        if (problem) return problem;
        await createMembershipStore(manager.tx).setRole(id, role);
        const changes = { role: { from: roleIdOf(member.role), to: roleIdOf(role) } };
        await audit(scope, manager, 'member.update_role', await withAddress(member, manager), { changes });
        return reread(member, manager);
      }),

    suspend: (scope, id, text) =>
      withMember(db, scope, 'member:suspend', id, async (member, manager) => {
        const reason = parseShortText(text);
        if (reason === undefined)
          return refuse('INVALID_REASON', `Give a reason of ${SHORT_TEXT_RULE}.`, 'reason');
        if (!isPersons(member)) return stillInvited();
        if (isOwn(member, manager)) return ownMembership();
        if (member.status === 'SUSPENDED') return ok(member);
        if (await isLastOwner(member, manager)) return lastOwner();
        const at = now();
        const members = createMembershipStore(manager.tx);
        await members.suspend(id, { at, reason });
        await members.endSessions(member, at);
        const suspendedKeys = await createMemberKeys(manager.tx).suspend(member);
        await audit(scope, manager, 'member.suspend', await withAddress(member, manager), {
          reason,
          suspendedKeys,
        });
        return reread(member, manager);
      }),

    reactivate: (scope, id) =>
      withMember(db, scope, 'member:suspend', id, async (member, manager) => {
        if (!isPersons(member)) return stillInvited();
        if (member.status === 'ACTIVE') return ok(member);
        await createMembershipStore(manager.tx).reactivate(id);
        const resumedKeys = await createMemberKeys(manager.tx).resume(member);
        await audit(scope, manager, 'member.reactivate', await withAddress(member, manager), { resumedKeys });
        return reread(member, manager);
      }),

    remove: (scope, id, confirmation) =>
      withMember(db, scope, 'member:remove', id, async (member, manager) => {
        if (!isPersons(member)) return stillInvited();
        if (isOwn(member, manager)) return ownMembership();
        const named = await withAddress(member, manager);
        if (normalizeEmail(confirmation) !== named.email) {
          return refuse('NOT_CONFIRMED', 'Type the address of the member to confirm.', 'confirmation');
        }
        if (await isLastOwner(member, manager)) return lastOwner();
        const metadata = await depart(member, manager.tx);
        await audit(scope, manager, 'member.remove', named, metadata);
        return ok(member);
      }),

    async leave(scope, organizationId, confirmation) {
      const actor = requireSignedIn(scope.identity);
      if (actor.type !== 'user') return refuse('NOT_A_PERSON', 'An API key has no membership to leave.');
      const { userId } = actor;
      const own = await withTenant(db, { userId }, (tx) =>
        createMembershipStore(tx).ofUser(organizationId, userId),
      );
      if (own?.status !== 'ACTIVE') return noSuchMember();
      return withTenant(db, { organizationId, userId }, async (tx): Promise<MemberResult> => {
        const organization = await createOrganizationStore(tx).lock(organizationId);
        const member = await createMembershipStore(tx).ofUser(organizationId, userId);
        if (!organization || member?.status !== 'ACTIVE' || !isPersons(member)) return noSuchMember();
        if (confirmation !== organization.slug) {
          return refuse('NOT_CONFIRMED', 'Type the slug of the organization to confirm.', 'confirmation');
        }
        if (await isLastOwner(member, { tx })) return lastOwner();
        const named = await withAddress(member, { tx });
        const metadata = await depart(member, tx);
        await audit(scope, { tx }, 'member.leave', named, metadata);
        return ok(member);
      });
    },
  };
}

/** The membership with the address of its person. */
async function withAddress(member: Membership, { tx }: Pick<Manager, 'tx'>): Promise<Membership> {
  if (member.userId === null) return member;
  const [user] = await createUserStore(tx).byIds([member.userId]);
  return { ...member, email: user?.email ?? null };
}
