import { recordAudit, type AuditedBy } from '@weir/graphql/audit';
import type { Clock } from '@weir/kernel/clock';
import { newUuid, type Uuid } from '@weir/kernel/ids';
import type { Database } from '@weir/prisma/database';
import { withTenant, type Transaction } from '@weir/prisma/tenant';
import { parseDisplayName } from '../../display-name.ts';
import { isUniqueViolation } from '../../unique-violation.ts';
import { acceptInvitation } from '../members/invitation-acceptance.ts';
import { hashOfInvitationToken } from '../members/invitation.ts';
import { createPasskeyStore } from '../passkeys/passkey-store.ts';
import { createUserStore } from '../users/user-store.ts';
import { normalizeEmail } from '../users/user.ts';
import { createOidcIdentityStore, credentialOfIdentity } from './oidc-identity-store.ts';
import { GRANTABLE_ROLES, speaksFor, type OidcProvider } from './oidc-provider.ts';

/** What a provider has proven to us of somebody. */
export interface ProvenClaims {
  readonly subject: string;
  readonly email: string | undefined;
  readonly isEmailVerified: boolean;
  readonly name: string | undefined;
}

/** Why nobody is signed in; pages show a sentence for each. */
export type OidcRefusal =
  | 'PROVIDER_REFUSED'
  | 'PROVIDER_FAILED'
  | 'EMAIL_NOT_VERIFIED'
  | 'DOMAIN_NOT_ALLOWED'
  | 'NOT_INVITED'
  | 'NOT_ADMITTED';

export type OidcPerson =
  | { readonly kind: 'person'; readonly userId: Uuid }
  /** Has other ways to sign in, and has to show one of them before the provider becomes another. */
  | { readonly kind: 'link'; readonly userId: Uuid }
  | { readonly kind: 'refused'; readonly code: OidcRefusal };

const refuse = (code: OidcRefusal): OidcPerson => ({ kind: 'refused', code });

/**
 * Whether a provider may speak for a person at all. An organization decides who its provider says that somebody is, so
 * its word counts for people who belong to this organization and to no other.
 */
async function mayVouch(tx: Transaction, { organizationId }: OidcProvider, userId: Uuid): Promise<boolean> {
  const users = createUserStore(tx);
  const [user] = await users.byIds([userId]);
  if (user?.status !== 'ACTIVE') return false;
  if (organizationId === null) return true;
  const memberships = await users.membershipsOfAll([userId]);
  return (
    user.platformRole === null &&
    memberships.some((membership) => membership.status === 'ACTIVE') &&
    memberships.every((membership) => membership.organizationId === organizationId)
  );
}

/** Whether the person could sign in without this provider. */
async function hasOtherWay(tx: Transaction, userId: Uuid): Promise<boolean> {
  const credentials = await createUserStore(tx).credentialsOf(userId);
  if (credentials?.passwordHash != null) return true;
  if ((await createPasskeyStore(tx).countOf(userId)) > 0) return true;
  return (await createOidcIdentityStore(tx).countOf(userId)) > 0;
}

export interface OidcPeopleDeps {
  readonly db: Database;
  readonly clock: Clock;
}

export interface Arrival {
  readonly provider: OidcProvider;
  readonly claims: ProvenClaims;
  readonly by: AuditedBy;
  /** The token of an invitation that the person came with. */
  readonly invitation: string | null;
}

/** Remembers that the provider's subject is this person. */
export async function linkIdentity(
  tx: Transaction,
  { provider, claims, by }: Omit<Arrival, 'invitation'>,
  userId: Uuid,
  metadata: { readonly isNew: boolean },
): Promise<boolean> {
  if (!(await createOidcIdentityStore(tx).insert(provider.id, claims.subject, userId))) return false;
  await recordAudit(tx, by, {
    organizationId: provider.organizationId,
    action: 'oidc.identity.link',
    target: { type: 'user', id: userId, name: claims.email },
    metadata: { provider: provider.name, ...metadata },
  });
  return true;
}

/** Undoes the transaction that it is thrown in. */
class NotAdmitted extends Error {}

export function createOidcPeople({ db, clock }: OidcPeopleDeps) {
  async function known({ provider, claims }: Arrival): Promise<OidcPerson | undefined> {
    const credential = credentialOfIdentity(provider.id, claims.subject);
    const userId = await withTenant(db, { credential }, (tx) =>
      createOidcIdentityStore(tx).userOf(provider.id, claims.subject),
    );
    if (userId === undefined) return undefined;
    const isAllowed = await withTenant(db, { userId }, (tx) => mayVouch(tx, provider, userId));
    return isAllowed ? { kind: 'person', userId } : refuse('NOT_ADMITTED');
  }

  async function existing(arrival: Arrival, userId: Uuid): Promise<OidcPerson> {
    return withTenant(db, { userId }, async (tx): Promise<OidcPerson> => {
      if (!(await mayVouch(tx, arrival.provider, userId))) return refuse('NOT_ADMITTED');
      if (await hasOtherWay(tx, userId)) return { kind: 'link', userId };
      const isLinked = await linkIdentity(tx, arrival, userId, { isNew: false });
      return isLinked ? { kind: 'person', userId } : refuse('NOT_ADMITTED');
    });
  }

  /** @throws NotAdmitted unless the invitation is for this address, and for an organization that the provider is for. */
  async function join(
    tx: Transaction,
    { provider, by }: Arrival,
    invitation: string,
    person: { readonly userId: Uuid; readonly email: string },
  ): Promise<void> {
    const accepting = { ...person, at: new Date(clock.now()), by };
    const accepted = await acceptInvitation(tx, hashOfInvitationToken(invitation), accepting);
    const isHere =
      accepted.ok &&
      (provider.organizationId === null || accepted.value.organizationId === provider.organizationId);
    if (!isHere) throw new NotAdmitted();
  }

  async function created(arrival: Arrival, email: string): Promise<OidcPerson> {
    const { provider, claims, invitation } = arrival;
    const { organizationId, defaultRole } = provider;
    const userId = newUuid(clock.now());
    const displayName =
      parseDisplayName(claims.name ?? '') ?? email.slice(0, email.indexOf('@')).slice(0, 100);
    await withTenant(db, { organizationId, userId }, async (tx) => {
      const users = createUserStore(tx);
      await users.insert({ id: userId, email, displayName, passwordHash: null });
      if (!(await linkIdentity(tx, arrival, userId, { isNew: true }))) throw new NotAdmitted();
      if (invitation !== null) return join(tx, arrival, invitation, { userId, email });
      if (organizationId !== null && defaultRole !== null && GRANTABLE_ROLES.includes(defaultRole)) {
        await users.insertMembership({ id: newUuid(), organizationId, userId, role: defaultRole });
      }
    });
    return { kind: 'person', userId };
  }

  /** Who somebody is whom a provider has sent to us, by rules that never take an account over. */
  return async function personOf(arrival: Arrival): Promise<OidcPerson> {
    const { provider, claims } = arrival;
    const linked = await known(arrival);
    if (linked) return linked;
    const email = claims.isEmailVerified ? normalizeEmail(claims.email ?? '') : undefined;
    if (email === undefined) return refuse('EMAIL_NOT_VERIFIED');
    if (!speaksFor(provider, email)) return refuse('DOMAIN_NOT_ALLOWED');
    const user = await withTenant(db, { credential: email }, (tx) => createUserStore(tx).byEmail(email));
    if (user) return existing(arrival, user.id);
    if (!provider.createsPeople && arrival.invitation === null) return refuse('NOT_INVITED');
    return created(arrival, email).catch((thrown: unknown) => {
      if (thrown instanceof NotAdmitted || isUniqueViolation(thrown)) return refuse('NOT_ADMITTED');
      throw thrown;
    });
  };
}
