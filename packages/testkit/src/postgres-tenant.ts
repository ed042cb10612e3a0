import { createHash } from 'node:crypto';
import { newUuid, type Uuid } from '@weir/kernel/ids';
import type pg from 'pg';

/** Column names and values. */
export type Row = Readonly<Record<string, unknown>>;

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

/**
 * Inserts one row; objects and arrays of objects go in as JSON, arrays of plain values as Postgres arrays.
 * @param ending What the statement ends with.
 */
export async function insertRow(
  client: pg.ClientBase | pg.Pool,
  table: string,
  row: Row,
  ending = '',
): Promise<void> {
  const columns = Object.keys(row);
  const places = columns.map((_, index) => `$${String(index + 1)}`);
  await client.query(
    `insert into ${table} (${columns.join(', ')}) values (${places.join(', ')}) ${ending}`,
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

/** A key that the tenant's own was rotated to, on the same account. */
export async function seedSuccessor(client: pg.ClientBase | pg.Pool, tenant: Tenant): Promise<Tenant> {
  const apiKeyId = newUuid();
  const secret = `sk-test-${newUuid()}`;
  const keyHash = createHash('sha256').update(secret).digest();
  await insertRow(client, 'identity.api_keys', {
    id: apiKeyId,
    organization_id: tenant.organizationId,
    account_id: tenant.teamId,
    name: 'Key',
    key_hash: keyHash,
    prefix: secret.slice(0, 9),
    last4: secret.slice(-4),
    scopes: ['inference:read', 'inference:write'],
    replaces_id: tenant.apiKeyId,
    lineage_id: tenant.apiKeyId,
  });
  return { ...tenant, apiKeyId, keyHash, secret };
}

/** Valid and boring rows to insert; a test states what matters to it. Null organizations make them everyone's. */
export const aModel = (organizationId: Uuid | null, name: string, extra: Row = {}) => ({
  id: newUuid(),
  organization_id: organizationId,
  name,
  context_tokens: 8_000,
  max_output_tokens: 1_000,
  ...extra,
});

/** Nano-USD per million input tokens. */
export const aPrice = (organizationId: Uuid | null, model: string, validFromMs: number, input: number) => ({
  id: newUuid(),
  organization_id: organizationId,
  model,
  valid_from: new Date(validFromMs),
  input,
});

export const aBudget = (tenant: Tenant, nodeKind: string, nodeId: Uuid, extra: Row = {}) => ({
  id: newUuid(),
  organization_id: tenant.organizationId,
  node_kind: nodeKind,
  node_id: nodeId,
  name: `budget of ${nodeKind}`,
  metric: 'COST',
  limit_amount: '9007199254740991',
  period: 'MONTHLY',
  enforcement: 'BLOCK',
  ...extra,
});

/** With a secret that opens nothing. */
export const aProviderKey = (tenant: Tenant, extra: Row = {}) => ({
  id: newUuid(),
  organization_id: tenant.organizationId,
  owner_id: tenant.ownerId,
  name: 'Provider',
  provider: 'openai',
  base_url: 'https://example.com/v1',
  ciphertext: 'c2VhbGVk',
  nonce: 'bm9uY2U=',
  ...extra,
});

export const anOwnerKey = (tenant: Tenant) => ({
  owner_id: tenant.ownerId,
  organization_id: tenant.organizationId,
  ciphertext: 'b3duZXI=',
  nonce: 'bm9uY2U=',
});
