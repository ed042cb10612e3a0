import type { Authenticated } from '@weir/contracts/internal-identity';
import { PERMISSIONS, permissionsOfKey, type Permission } from '@weir/contracts/permission-matrix';
import { AppError } from '@weir/kernel/errors';
import type { Account } from '../accounts/account.ts';
import { statusOf, type ApiKey } from '../api-keys/api-key.ts';
import type { Membership } from '../members/membership.ts';
import { permissionsOf } from '../roles/role.ts';
import { admitsApiKeys, admitsMembers, type Organization } from '../organizations/organization.ts';
import type { User } from '../users/user.ts';
import { endsAtMs } from './session-idleness.ts';
import type { Session } from './session.ts';

/** A person's session with everything that decides whether and as whom it still acts. */
export interface SessionRecord {
  readonly session: Session;
  readonly user: User;
  /** In the session's organization. */
  readonly membership: Membership | undefined;
  readonly organization: Organization | undefined;
  /** Whether the member has yet to enroll a second factor that their role demands. */
  readonly lacksFactor: boolean;
}

/** Who a session acts as now; undefined when it is over or its person is suspended. */
export function standingOfSession(
  record: SessionRecord,
  nowMs: number,
): Omit<Authenticated, 'expiresAtMs'> | undefined {
  const { session, user, membership, organization, lacksFactor } = record;
  if (session.revokedAt !== null || user.status !== 'ACTIVE') return undefined;
  if (nowMs >= endsAtMs(session, organization?.settings)) return undefined;
  if (session.impersonationId !== null) return standingOfImpersonation(record);
  const actor = {
    type: 'user',
    userId: user.id,
    sessionId: session.id,
    ...(user.platformRole === null ? {} : { platformRole: user.platformRole }),
  } as const;
  if (membership?.status !== 'ACTIVE' || !organization || !admitsMembers(organization)) {
    return { actor, organizationId: null, permissions: [] };
  }
  const permissions = lacksFactor ? [] : permissionsOf(membership.role);
  return { actor, organizationId: organization.id, permissions: [...permissions] };
}

const READING = PERMISSIONS.filter((permission) => permission.endsWith('.read'));

/** Sees what the organization's members see and changes nothing, as long as the person operates the platform. */
function standingOfImpersonation({
  session: { id: sessionId, impersonationId },
  user,
  organization,
}: SessionRecord): Omit<Authenticated, 'expiresAtMs'> | undefined {
  if (impersonationId === null || user.platformRole === null) return undefined;
  if (!organization || !admitsMembers(organization)) return undefined;
  const actor = { type: 'user', userId: user.id, sessionId, impersonationId } as const;
  return { actor, organizationId: organization.id, permissions: [...READING] };
}

/** An API key with everything that decides whether it works. */
export interface ApiKeyRecord {
  readonly apiKey: ApiKey;
  /** From the root down to the key's own. */
  readonly accounts: readonly Account[];
  readonly organization: Organization;
}

/** How long a key without an expiry may be believed before it is asked about again. */
const BELIEVED_MS = 60 * 60_000;

/** @throws AppError of status 401 saying why the key does not work. */
export function standingOfApiKey(
  { apiKey, accounts, organization }: ApiKeyRecord,
  nowMs: number,
): Authenticated {
  const status = statusOf(apiKey, nowMs);
  if (status === 'REVOKED')
    throw new AppError('API_KEY_REVOKED', 'This API key has been revoked. Create a new one.');
  if (status === 'EXPIRED')
    throw new AppError('API_KEY_EXPIRED', 'This API key has expired. Create a new one.');
  if (status === 'SUSPENDED')
    throw new AppError('ACCOUNT_SUSPENDED', 'The member whose API key this is, is suspended.');
  if (!admitsApiKeys(organization) || accounts.some((account) => account.status !== 'ACTIVE')) {
    throw new AppError('ACCOUNT_SUSPENDED', 'The account of this API key, or one above it, is suspended.');
  }
  return {
    actor: { type: 'apiKey', apiKeyId: apiKey.id, accountId: apiKey.accountId },
    organizationId: apiKey.organizationId,
    permissions: permissionsOfRecord(apiKey, accounts),
    expiresAtMs: Math.min(apiKey.expiresAt?.getTime() ?? Infinity, nowMs + BELIEVED_MS),
    allowIps: [...accounts, apiKey].flatMap(({ access }) =>
      access.allowIps === null ? [] : [[...access.allowIps]],
    ),
  };
}

/**
 * A key may do what its scopes permit as far as its account reaches; below a service account only what the role of that
 * permits, too.
 */
function permissionsOfRecord({ scopes }: ApiKey, accounts: readonly Account[]): Permission[] {
  const roles = accounts
    .filter(({ kind }) => kind === 'SERVICE_ACCOUNT')
    .map(({ serviceRole }) => (serviceRole === null ? [] : permissionsOf(serviceRole)));
  return permissionsOfKey(scopes, accounts.length === 1).filter((permission) =>
    roles.every((permitted) => permitted.includes(permission)),
  );
}
