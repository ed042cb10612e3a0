import pg from 'pg';
import { isSystemRole, permissionsOfRole, type SystemRole } from '@weir/contracts/permission-matrix';
import type { Authenticated } from '@weir/contracts/internal-identity';
import { encodeId, newUuid, type Uuid } from '@weir/kernel/ids';
import { insertRow } from '@weir/testkit/postgres-tenant';
import { createPasswords } from '../users/password.ts';
import type { TestIdentity, TestOrganization } from '../../test-identity.ts';

export interface TestMember {
  readonly userId: Uuid;
  readonly membershipId: Uuid;
  /** The public id of the membership. */
  readonly id: string;
  readonly email: string;
  readonly password: string;
  /** As a request of this person arrives: vouched for by the gateway, without a session. */
  readonly as: Authenticated;
}

const PASSWORD = 'seven otters below the weir';
const passwordHash = createPasswords().then((passwords) => passwords.hash(PASSWORD));

/** Writes a member past the service. @param role A system role, or the id of a custom role. */
export async function addMember(
  identity: TestIdentity,
  { organizationId }: Pick<TestOrganization, 'organizationId'>,
  role: SystemRole | Uuid,
): Promise<TestMember> {
  const [userId, membershipId] = [newUuid(), newUuid()];
  const email = `member-${userId.slice(-12)}@example.org`;
  const client = new pg.Client({ connectionString: identity.databaseUrl });
  await client.connect();
  await insertRow(client, 'identity.users', {
    id: userId,
    email,
    display_name: `Member ${userId.slice(-12)}`,
    password_hash: await passwordHash,
  });
  await insertRow(client, 'identity.memberships', {
    id: membershipId,
    organization_id: organizationId,
    user_id: userId,
    ...(isSystemRole(role) ? { role } : { role: 'CUSTOM', custom_role_id: role }),
  });
  await client.end();
  const permissions = isSystemRole(role) ? [...permissionsOfRole(role)] : [];
  const actor = { type: 'user', userId, sessionId: newUuid() } as const;
  const as = { actor, organizationId, permissions, expiresAtMs: Date.now() + 3_600_000 };
  return { userId, membershipId, id: encodeId('membership', membershipId), email, password: PASSWORD, as };
}
