import type { AuditAction } from '@weir/contracts/audit';
import { recordAudit } from '@weir/graphql/audit';
import { newUuid, type Uuid } from '@weir/kernel/ids';
import { ok } from '@weir/kernel/result';
import type { ActorScope } from '../../actor-scope.ts';
import type { QueueMail } from '../mail/queue-mail.ts';
import { nameOfRole } from '../roles/role-name.ts';
import { roleIdOf, type RoleReference } from '../roles/role-id.ts';
import { createRoleStore } from '../roles/role-store.ts';
import { reaches } from '../roles/role.ts';
import { createUserStore } from '../users/user-store.ts';
import { normalizeEmail } from '../users/user.ts';
import { createInvitationStore } from './invitation-store.ts';
import { hashOfInvitationToken, newInvitationToken } from './invitation.ts';
import { asManager, withMember, type Manager } from './managed-member.ts';
import type { MemberDeps } from './member-changes.ts';
import { noSuchRole, parseShortText, refuse, SHORT_TEXT_RULE, type MemberResult } from './member-rules.ts';
import { createMembershipStore } from './membership-store.ts';
import type { Membership } from './membership.ts';

export interface InvitationDraft {
  readonly organizationId: Uuid;
  readonly email: string;
  readonly role: RoleReference;
  /** To the person who is invited; undefined for none. */
  readonly message: string | undefined;
}

export interface InvitationChanges {
  /**
   * Says the same whether or not anybody has an account with the address.
   * @throws AppError UNAUTHENTICATED, NOT_FOUND for another organization, or FORBIDDEN.
   */
  invite(scope: ActorScope, draft: InvitationDraft): Promise<MemberResult>;
  /**
   * Sends a new token; the former one is worthless.
   * @throws AppError UNAUTHENTICATED or FORBIDDEN.
   */
  resend(scope: ActorScope, id: Uuid): Promise<MemberResult>;
  /**
   * For good: whoever is to join after all is invited anew.
   * @throws AppError UNAUTHENTICATED or FORBIDDEN.
   */
  revoke(scope: ActorScope, id: Uuid): Promise<MemberResult>;
}

export interface InvitationDeps extends MemberDeps {
  readonly queueMail: QueueMail;
}

const DAY_MS = 86_400_000;
/** So many people can be invited at once: whoever wants more people in waits until some have come. */
const INVITED_MAX = 500;
/** Between two mails to one address. */
const RESEND_MS = 60_000;

const notInvited = () => refuse('NOT_INVITED', 'This person has accepted the invitation already.', 'id');

export function createInvitationChanges({ db, clock, queueMail }: InvitationDeps): InvitationChanges {
  const expiryOf = ({ organization }: Manager, from: Date): Date =>
    new Date(from.getTime() + organization.settings.invitations.lifeDays * DAY_MS);

  async function send(
    invited: Membership,
    message: string | null,
    token: string,
    manager: Manager,
  ): Promise<void> {
    if (invited.email === null) throw new Error('who is invited has an address');
    const [inviter] = await createUserStore(manager.tx).byIds([manager.actor.userId]);
    await queueMail(manager.tx, {
      to: invited.email,
      mail: {
        kind: 'invitation',
        organizationName: manager.organization.name,
        inviterName: inviter?.displayName ?? manager.organization.name,
        roleName: nameOfRole(invited.role),
        message,
        lifeDays: manager.organization.settings.invitations.lifeDays,
        token,
      },
    });
  }

  async function invited(id: Uuid, { tx }: Manager): Promise<Membership> {
    const membership = await createMembershipStore(tx).byId(id);
    if (!membership) throw new Error('a membership that was just written is there');
    return membership;
  }

  const auditOf = (
    scope: ActorScope,
    { tx }: Manager,
    action: AuditAction,
    { id, organizationId, email, role }: Membership,
  ) =>
    recordAudit(tx, scope.identity, {
      organizationId,
      action,
      target: { type: 'membership', id, name: email ?? undefined },
      metadata: { role: roleIdOf(role) },
    });

  return {
    async invite(scope, { organizationId, role: reference, ...draft }) {
      return asManager(db, scope, 'member:invite', organizationId, async (manager): Promise<MemberResult> => {
        const { tx } = manager;
        const email = normalizeEmail(draft.email);
        if (email === undefined)
          return refuse('INVALID_EMAIL', 'Give an e-mail address, like ada@example.org.', 'email');
        const message = draft.message === undefined ? null : parseShortText(draft.message);
        if (message === undefined) {
          return refuse(
            'INVALID_MESSAGE',
            `A message has ${SHORT_TEXT_RULE}; leave it out for none.`,
            'message',
          );
        }
        const role = await createRoleStore(tx).resolve(organizationId, reference);
        if (!role) return noSuchRole();
        if (!reaches(manager.role, role)) {
          return refuse('ROLE_NOT_GRANTABLE', 'This role permits more than yours can give.', 'roleId');
        }
        const members = createMembershipStore(tx);
        const existing = await members.byEmail(organizationId, email);
        if (existing?.status === 'INVITED') {
          return refuse(
            'ALREADY_INVITED',
            'This address is invited already: send the invitation again instead.',
            'email',
          );
        }
        if (existing) return refuse('ALREADY_MEMBER', 'This address belongs to a member already.', 'email');
        if ((await members.countInvited(organizationId)) >= INVITED_MAX) {
          return refuse('TOO_MANY_INVITATIONS', `At most ${INVITED_MAX} people can be invited at once.`);
        }
        const sentAt = new Date(clock.now());
        const id = newUuid(sentAt.getTime());
        const token = newInvitationToken();
        const place = { id, organizationId, email, createdAt: sentAt };
        await members.insertInvited({ ...place, role });
        await createInvitationStore(tx).insert({
          ...place,
          ...{ message, sentAt, expiresAt: expiryOf(manager, sentAt), invitedBy: manager.actor.userId },
          tokenHash: hashOfInvitationToken(token),
        });
        const membership = await invited(id, manager);
        await send(membership, message, token, manager);
        await auditOf(scope, manager, 'invitation.create', membership);
        return ok(membership);
      });
    },

    resend: (scope, id) =>
      withMember(db, scope, 'member:invite', id, async (member, manager) => {
        const invitations = createInvitationStore(manager.tx);
        const [invitation] = await invitations.byIds([id]);
        if (member.status !== 'INVITED' || !invitation) return notInvited();
        const sentAt = new Date(clock.now());
        if (sentAt.getTime() < invitation.sentAt.getTime() + RESEND_MS) {
          return refuse(
            'TOO_SOON',
            'This invitation was sent less than a minute ago. Try again shortly.',
            'id',
          );
        }
        const token = newInvitationToken();
        await invitations.renew(id, hashOfInvitationToken(token), sentAt, expiryOf(manager, sentAt));
        await send(member, invitation.message, token, manager);
        await auditOf(scope, manager, 'invitation.resend', member);
        return ok(member);
      }),

    revoke: (scope, id) =>
      withMember(db, scope, 'member:invite', id, async (member, manager) => {
        if (member.status !== 'INVITED') return notInvited();
        await createInvitationStore(manager.tx).settle(id, 'REVOKED', new Date(clock.now()));
        await createMembershipStore(manager.tx).delete(id);
        await auditOf(scope, manager, 'invitation.revoke', member);
        return ok(member);
      }),
  };
}
