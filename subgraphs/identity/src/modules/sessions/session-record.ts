import type { Uuid } from '@weir/kernel/ids';
import type { Database } from '@weir/prisma/database';
import { enterTenant, withTenant, type Transaction } from '@weir/prisma/tenant';
import { createAccountStore } from '../accounts/account-store.ts';
import { ancestorIdsOf } from '../accounts/account.ts';
import { createApiKeyStore } from '../api-keys/api-key-store.ts';
import { lacksRequiredFactor } from '../members/required-factor.ts';
import { createOrganizationStore } from '../organizations/organization-store.ts';
import { createUserStore } from '../users/user-store.ts';
import { createSessionStore } from './session-store.ts';
import type { RefreshTokenNames } from './session.ts';
import type { ApiKeyRecord, SessionRecord } from './standing.ts';

/**
 * Within a transaction that sees the user's own rows. Undefined when the session or its user is gone.
 * @param actingIn The session's own organization unless told.
 */
export async function readSessionRecord(
  tx: Transaction,
  { userId, sessionId }: RefreshTokenNames,
  actingIn?: Uuid,
): Promise<SessionRecord | undefined> {
  const session = await createSessionStore(tx).byId(sessionId);
  if (session?.userId !== userId) return undefined;
  const users = createUserStore(tx);
  const [user] = await users.byIds([userId]);
  if (!user) return undefined;
  const organizationId = actingIn ?? session.organizationId;
  const nowhere = { session, user, membership: undefined, organization: undefined, lacksFactor: false };
  if (organizationId === null) return nowhere;
  // Nobody's membership shows the organization to who looks into it.
  if (session.impersonationId !== null) await enterTenant(tx, { userId, organizationId });
  const memberships = await users.membershipsOfAll([userId]);
  const membership = memberships.find((candidate) => candidate.organizationId === organizationId);
  const [organization] = await createOrganizationStore(tx).byIds([organizationId]);
  const lacksFactor =
    membership && organization ? await lacksRequiredFactor(tx, membership, organization) : false;
  return { session, user, membership, organization, lacksFactor };
}

/** Undefined for a hash that belongs to no key. */
export async function readApiKeyRecord(db: Database, keyHash: Buffer): Promise<ApiKeyRecord | undefined> {
  const apiKey = await withTenant(db, { credential: keyHash.toString('hex') }, (tx) =>
    createApiKeyStore(tx).byHash(keyHash),
  );
  if (!apiKey) return undefined;
  return withTenant(db, { organizationId: apiKey.organizationId }, async (tx) => {
    const [organization] = await createOrganizationStore(tx).byIds([apiKey.organizationId]);
    const accounts = createAccountStore(tx);
    const [own] = await accounts.byIds([apiKey.accountId]);
    if (!organization || !own) return undefined;
    const ancestors: readonly Uuid[] = ancestorIdsOf(own);
    return { apiKey, organization, accounts: [...(await accounts.byIds(ancestors)), own] };
  });
}
