import { createHash } from 'node:crypto';
import { newUuid, type Uuid } from '@weir/kernel/ids';
import type pg from 'pg';

/** A small organization: an owner account, a team below it and a key on the team, all active and unlimited. */
export interface Tenant {
  readonly organizationId: Uuid;
  readonly ownerId: Uuid;
  readonly teamId: Uuid;
  readonly apiKeyId: Uuid;
  /** SHA-256 of `secret`. */
  readonly keyHash: Buffer;
  readonly secret: string;
}

/** Inserts one row; objects and arrays of objects go in as JSON, arrays of plain values as Postgres arrays. */
export async function insertRow(
  client: pg.ClientBase | pg.Pool,
  table: string,
  row: Readonly<Record<string, unknown>>,
): Promise<void> {
  const columns = Object.keys(row);
  const places = columns.map((_, index) => `$${String(index + 1)}`);
  await client.query(
    `insert into ${table} (${columns.join(', ')}) values (${places.join(', ')})`,
    Object.values(row),
  );
}

/** @param client Of the migrating login, which row-level security does not bind. */
export async function seedTenant(
  client: pg.ClientBase | pg.Pool,
  options: { readonly timeZone?: string } = {},
): Promise<Tenant> {
  const organizationId = newUuid();
  const ownerId = newUuid();
  const teamId = newUuid();
  const apiKeyId = newUuid();
  const secret = `sk-test-${newUuid()}`;
  const keyHash = createHash('sha256').update(secret).digest();
  await insertRow(client, 'identity.organizations', {
    id: organizationId,
    slug: `org-${organizationId.slice(-12)}`,
    name: 'Example',
    time_zone: options.timeZone ?? 'UTC',
  });
  await insertRow(client, 'identity.accounts', {
    id: ownerId,
    organization_id: organizationId,
    kind: 'OWNER',
    name: 'Owner',
  });
  await insertRow(client, 'identity.accounts', {
    id: teamId,
    organization_id: organizationId,
    parent_id: ownerId,
    dna: `.${ownerId}.`,
    kind: 'TEAM',
    name: 'Team',
  });
  await insertRow(client, 'identity.api_keys', {
    id: apiKeyId,
    organization_id: organizationId,
    account_id: teamId,
    name: 'Key',
    key_hash: keyHash,
    prefix: secret.slice(0, 9),
    last4: secret.slice(-4),
    scopes: ['inference:read', 'inference:write'],
  });
  return { organizationId, ownerId, teamId, apiKeyId, keyHash, secret };
}
