import { recordAudit, type AuditedBy } from '@weir/graphql/audit';
import { AppError } from '@weir/kernel/errors';
import { newUuid, type Uuid } from '@weir/kernel/ids';
import { err, ok } from '@weir/kernel/result';
import { enterTenant, withTenant, type Transaction } from '@weir/prisma/tenant';
import { userError } from '@weir/graphql/user-errors';
import type { ActorScope } from '../../actor-scope.ts';
import { DISPLAY_NAME_RULE, parseDisplayName } from '../../display-name.ts';
import { isUniqueViolation } from '../../unique-violation.ts';
import { createOrganizationStore } from '../organizations/organization-store.ts';
import { admitsMembers, type Organization } from '../organizations/organization.ts';
import { checkNewPassword } from '../passwords/new-password.ts';
import type { RateLimits } from '../rate-limits/rate-limits.ts';
import type { Passwords } from '../users/password.ts';
import { createUserStore } from '../users/user-store.ts';
import { createInvitationStore } from './invitation-store.ts';
import { hashOfInvitationToken, isOpen, type Invitation } from './invitation.ts';
import type { MemberDeps } from './member-changes.ts';
import { refuse, type MemberProblem, type MemberResult } from './member-rules.ts';
import { createMembershipStore } from './membership-store.ts';

/** Who accepts: a person whose address is proven. */
export interface Accepting {
  readonly userId: Uuid;
  /** In the form of `normalizeEmail`. */
  readonly email: string;
  readonly at: Date;
  readonly by: AuditedBy;
}

export interface InvitationAcceptance {
  /**
   * With the token of a mail: by whoever has signed in, or by a new person with a name and a password.
   * @throws AppError RATE_LIMITED for a network address that presents many tokens.
   */
  accept(scope: ActorScope, acceptance: AcceptanceInput): Promise<MemberResult>;
}

export interface AcceptanceInput {
  readonly token: string;
  readonly displayName: string | undefined;
  readonly password: string | undefined;
}

export interface AcceptanceDeps extends MemberDeps {
  readonly passwords: Passwords;
  readonly rateLimits: RateLimits;
}

/** One answer for every token that opens nothing, whatever the reason. */
const invalid = () =>
  refuse('INVALID_INVITATION', 'This invitation is not valid any more: ask for a new one.', 'token');
const signInFirst = () =>
  refuse(
    'SIGN_IN_FIRST',
    'You have an account with this address: sign in, then accept the invitation.',
    'token',
  );
const otherAddress = () =>
  refuse('OTHER_ADDRESS', 'This invitation was sent to another address: sign in with that one.', 'token');

/**
 * Makes a person a member by the token of an invitation, once. Afterwards the transaction sees the organization's rows.
 * @param tx Any transaction; what it sees changes.
 */
export async function acceptInvitation(
  tx: Transaction,
  tokenHash: Buffer,
  { userId, email, at, by }: Accepting,
): Promise<MemberResult> {
  await enterTenant(tx, { credential: tokenHash.toString('hex') });
  const found = await createInvitationStore(tx).byTokenHash(tokenHash);
  if (!found) return invalid();
  const { id, organizationId } = found;
  await enterTenant(tx, { organizationId, userId });
  const organization = await createOrganizationStore(tx).lock(organizationId);
  const invitations = createInvitationStore(tx);
  // Read again under the lock, so that of two at once one is too late.
  const invitation = await invitations.lockByTokenHash(tokenHash);
  if (!invitation || !organization || !isValid(invitation, organization, at)) return invalid();
  if (invitation.email !== email) return otherAddress();
  const members = createMembershipStore(tx);
  if (await members.ofUser(organizationId, userId)) {
    return refuse('ALREADY_MEMBER', 'You are a member of this organization already.', 'token');
  }
  await invitations.settle(id, 'ACCEPTED', at);
  await members.accept(id, userId);
  const membership = await members.byId(id);
  if (membership?.userId !== userId) return invalid();
  const target = { type: 'membership', id, name: email } as const;
  await recordAudit(tx, by, { organizationId, action: 'invitation.accept', target });
  return ok(membership);
}

function isValid(invitation: Invitation, organization: Organization, at: Date): boolean {
  return isOpen(invitation, at.getTime()) && admitsMembers(organization);
}

export function createInvitationAcceptance({
  db,
  clock,
  passwords,
  rateLimits,
}: AcceptanceDeps): InvitationAcceptance {
  /** What an open invitation leads to; undefined for any other token. */
  async function open(
    tokenHash: Buffer,
  ): Promise<{ invitation: Invitation; organization: Organization } | undefined> {
    const invitation = await withTenant(db, { credential: tokenHash.toString('hex') }, (tx) =>
      createInvitationStore(tx).byTokenHash(tokenHash),
    );
    if (!invitation) return undefined;
    const { organizationId } = invitation;
    const organization = await withTenant(db, { organizationId }, async (tx) =>
      (await createOrganizationStore(tx).byIds([organizationId])).at(0),
    );
    if (!organization || !isValid(invitation, organization, new Date(clock.now()))) return undefined;
    return { invitation, organization };
  }

  async function problemsOfPerson(
    { displayName = '', password = '' }: AcceptanceInput,
    { email }: Invitation,
    { name, slug, settings }: Organization,
  ): Promise<readonly MemberProblem[]> {
    const weakness = await checkNewPassword(
      password,
      [email, displayName, name, slug],
      settings.passwordPolicy,
    );
    return [
      ...(parseDisplayName(displayName) === undefined
        ? [userError('INVALID_NAME', DISPLAY_NAME_RULE, 'displayName')]
        : []),
      ...(weakness === undefined ? [] : [userError('WEAK_PASSWORD', weakness, 'password')]),
    ];
  }

  async function acceptAsNewPerson(
    scope: ActorScope,
    tokenHash: Buffer,
    input: AcceptanceInput,
  ): Promise<MemberResult> {
    const opened = await open(tokenHash);
    if (!opened) return invalid();
    const { email } = opened.invitation;
    const existing = await withTenant(db, { credential: email }, (tx) => createUserStore(tx).byEmail(email));
    if (existing) return signInFirst();
    const problems = await problemsOfPerson(input, opened.invitation, opened.organization);
    if (problems.length > 0) return err(problems);
    const at = new Date(clock.now());
    const userId = newUuid(at.getTime());
    const passwordHash = await passwords.hash(input.password ?? '');
    const displayName = parseDisplayName(input.displayName ?? '') ?? '';
    try {
      return await withTenant(db, { userId }, async (tx) => {
        await createUserStore(tx).insert({ id: userId, email, displayName, passwordHash });
        const accepted = await acceptInvitation(tx, tokenHash, { userId, email, at, by: scope.identity });
        // Nobody comes to be by an invitation that was settled meanwhile.
        if (!accepted.ok) throw new Refused(accepted);
        return accepted;
      });
    } catch (thrown) {
      if (thrown instanceof Refused) return thrown.result;
      if (isUniqueViolation(thrown)) return signInFirst();
      throw thrown;
    }
  }

  return {
    async accept(scope, input) {
      const { identity } = scope;
      await rateLimits.count('tokenFromIp', identity.ipAddress);
      const tokenHash = hashOfInvitationToken(input.token);
      if (identity.actor.type === 'anonymous') return acceptAsNewPerson(scope, tokenHash, input);
      if (identity.actor.type !== 'user') {
        return refuse('NOT_A_PERSON', 'Programs are no members: accept as a person.');
      }
      const { userId } = identity.actor;
      const user = await scope.loaders.users.load(userId);
      if (!user) throw new AppError('UNAUTHENTICATED', 'The session has ended. Sign in again.');
      const accepting = { userId, email: user.email, at: new Date(clock.now()), by: identity };
      return withTenant(db, { userId }, (tx) => acceptInvitation(tx, tokenHash, accepting));
    },
  };
}

/** Undoes the transaction that it is thrown in. */
class Refused extends Error {
  readonly result: MemberResult;
  constructor(result: MemberResult) {
    super('the invitation was settled meanwhile');
    this.result = result;
  }
}
