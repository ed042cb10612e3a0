import { createHash } from 'node:crypto';
import type pg from 'pg';
import {
  permissionsOfRole,
  permissionsOfScopes,
  SCOPES,
  SYSTEM_ROLES,
  type Permission,
} from '@weir/contracts/permission-matrix';
import {
  permissionsOfPlatformRole,
  PLATFORM_ROLES,
  type PlatformPermission,
} from '@weir/contracts/platform-matrix';
import type { DemoAccess } from '@weir/embedded/demo-file';
import { createPasswords } from '@weir/identity/modules/users/password';
import { newUuid, type Uuid } from '@weir/kernel/ids';
import { newVirtualKey, visibleParts } from '@weir/kernel/virtual-key';
import { insertRow } from '@weir/testkit/postgres-tenant';
import { signIn } from '../graphql.ts';

/** Somebody who asks, and what the tables say that they may do in the organization under test. */
export interface Actor {
  readonly name: string;
  readonly kind: 'person' | 'program' | 'nobody';
  readonly headers: Readonly<Record<string, string>>;
  readonly permissions: readonly (Permission | PlatformPermission)[];
}

/** What somebody may do whose role is the organization's own: read and budget, and nothing about people. */
export const CUSTOM_PERMISSIONS: readonly Permission[] = [
  'org.read',
  'org.budget.read',
  'org.budget.write',
  'apikey.read',
];

const PASSWORD = 'eleven kingfishers by the weir';

export interface ActorPlace {
  readonly client: pg.Client;
  readonly access: DemoAccess;
  readonly organizationId: Uuid;
  readonly rootAccountId: Uuid;
}

interface NewPerson {
  readonly membership?: Readonly<Record<string, unknown>>;
  readonly platformRole?: string;
}

/** A person who signs in, with a membership or without. @returns What sends their token. */
export async function addPerson(
  { client, access, organizationId }: ActorPlace,
  { membership, platformRole }: NewPerson,
): Promise<Readonly<Record<string, string>>> {
  const id = newUuid();
  const email = `actor-${id}@example.org`;
  const password_hash = await (await passwords).hash(PASSWORD);
  await insertRow(client, 'identity.users', { id, email, display_name: `Actor ${id}`, password_hash, platform_role: platformRole ?? null }); // prettier-ignore
  if (membership) {
    await insertRow(client, 'identity.memberships', { id: newUuid(), organization_id: organizationId, user_id: id, ...membership }); // prettier-ignore
  }
  const { accessToken } = await signIn({ ...access, email, password: PASSWORD });
  return { authorization: `Bearer ${accessToken}` };
}

const passwords = createPasswords();

async function addKey(
  { client, organizationId, rootAccountId }: ActorPlace,
  scope: string,
): Promise<Readonly<Record<string, string>>> {
  const secret = newVirtualKey();
  await insertRow(client, 'identity.api_keys', {
    id: newUuid(),
    organization_id: organizationId,
    account_id: rootAccountId,
    name: `Actor ${scope}`,
    key_hash: createHash('sha256').update(secret).digest(),
    ...visibleParts(secret),
    scopes: [scope],
  });
  return { 'x-api-key': secret };
}

async function addCustomRole({ client, organizationId }: ActorPlace): Promise<Uuid> {
  const id = newUuid();
  await insertRow(client, 'identity.roles', {
    id,
    organization_id: organizationId,
    name: `Actor ${id}`,
    description: '',
    permissions: CUSTOM_PERMISSIONS,
  });
  return id;
}

/** Everybody who can ask: each system role, a custom role, a key of each scope, each platform role, and nobody. */
export async function everyActor(place: ActorPlace): Promise<readonly Actor[]> {
  const actors: Actor[] = [{ name: 'nobody', kind: 'nobody', headers: {}, permissions: [] }];
  for (const role of SYSTEM_ROLES) {
    const headers = await addPerson(place, { membership: { role } });
    actors.push({ name: role, kind: 'person', headers, permissions: permissionsOfRole(role) });
  }
  const membership = { role: 'CUSTOM', custom_role_id: await addCustomRole(place) };
  actors.push({ name: 'custom', kind: 'person', headers: await addPerson(place, { membership }), permissions: CUSTOM_PERMISSIONS }); // prettier-ignore
  for (const platformRole of PLATFORM_ROLES) {
    const headers = await addPerson(place, { platformRole });
    actors.push({ name: platformRole, kind: 'person', headers, permissions: permissionsOfPlatformRole(platformRole) }); // prettier-ignore
  }
  for (const scope of SCOPES) {
    actors.push({ name: `key ${scope}`, kind: 'program', headers: await addKey(place, scope), permissions: permissionsOfScopes([scope]) }); // prettier-ignore
  }
  return actors;
}
