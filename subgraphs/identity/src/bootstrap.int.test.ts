import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '@weir/kernel/clock';
import { policySnapshotSchema } from '@weir/contracts/policy-snapshot';
import { createDatabase, type Database } from '@weir/prisma/database';
import { openSecret } from '@weir/service/vault';
import { createTestDatabase, type TestDatabase } from '@weir/testkit/postgres';
import { createBootstrap, type Bootstrap } from './bootstrap.ts';
import { hashOfSecret } from './modules/api-keys/api-key.ts';
import { ownerKeyBinding, providerKeyBinding } from './modules/provider-keys/provider-key.ts';

let database: TestDatabase;
let db: Database;
let proxy: Database;
let bootstrap: Bootstrap;
const masterKey = randomBytes(32);

beforeAll(async () => {
  database = await createTestDatabase();
  db = createDatabase({ url: database.url, role: 'weir_identity', max: 2 });
  proxy = createDatabase({ url: database.url, role: 'weir_proxy', max: 1 });
  bootstrap = await createBootstrap({ db, masterKey, clock: systemClock });
});
afterAll(async () => {
  await Promise.all([db.$disconnect(), proxy.$disconnect()]);
  await database.drop();
});

const creation = (slug: string) => ({
  name: 'Example',
  slug,
  timeZone: 'Europe/Berlin',
  owner: { email: `${slug}@example.org`, password: 'a password of some length', displayName: 'Owner' },
});

async function snapshotOf(secret: string) {
  const rows = await proxy.$queryRaw<{ snapshot: unknown }[]>`
    select policy.snapshot(${new Uint8Array(hashOfSecret(secret))}) as snapshot`;
  return policySnapshotSchema.parse(rows[0]?.snapshot);
}

describe('bootstrap', () => {
  it('creates an organization that is found again and created once', async () => {
    const created = await bootstrap.createOrganization(creation('once'));
    expect(created.ok).toBe(true);
    expect(await bootstrap.findOrganization('ONCE@example.org')).toEqual(created.ok && created.value);
    expect(await bootstrap.createOrganization(creation('once'))).toEqual({ ok: false, error: 'TAKEN' });
    expect(await bootstrap.findOrganization('nobody@example.org')).toBeUndefined();
  });

  it('leaves nothing behind when the address is taken', async () => {
    await bootstrap.createOrganization(creation('first'));
    const second = { ...creation('second'), owner: creation('first').owner };
    expect(await bootstrap.createOrganization(second)).toEqual({ ok: false, error: 'TAKEN' });
    expect((await bootstrap.createOrganization(creation('second'))).ok).toBe(true);
  });

  it('makes all that the proxy needs to serve a key, with secrets that open only in their place', async () => {
    const created = await bootstrap.createOrganization(creation('serving'));
    if (!created.ok) throw new Error(created.error);
    const { organizationId, rootAccountId: parentId } = created.value;
    const teamId = await bootstrap.addAccount({
      organizationId,
      parentId,
      kind: 'TEAM',
      name: 'Team',
      gear: 1,
    });
    const key = { organizationId, accountId: teamId, name: 'key', scopes: ['inference:write'] as const };
    const added = await bootstrap.addApiKey(key);
    await bootstrap.putModel({
      name: 'demo',
      contextTokens: 1_000,
      maxOutputTokens: 100,
      capabilities: ['chat'],
    });
    const provider = {
      organizationId,
      name: 'demo',
      provider: 'openai',
      baseUrl: 'http://127.0.0.1:1',
    } as const;
    const providerKeyId = await bootstrap.putProviderKey({ ...provider, secret: 'sk-old' });
    const moved = { ...provider, baseUrl: 'http://127.0.0.1:2', secret: 'sk-provider' };
    expect(await bootstrap.putProviderKey(moved)).toBe(providerKeyId);

    const snapshot = await snapshotOf(added.secret);
    expect(snapshot).toMatchObject({
      organization: { id: organizationId, timeZone: 'Europe/Berlin' },
      accounts: [{ id: parentId }, { id: teamId, kind: 'TEAM', gear: 1 }],
      key: { id: added.apiKeyId, scopes: ['inference:write'], disconnectPolicy: 'ABORT' },
      models: [{ name: 'demo', capabilities: ['chat'] }],
      providerKeys: [{ id: providerKeyId, baseUrl: 'http://127.0.0.1:2' }],
    });
    const [sealed] = snapshot.providerKeys;
    if (!sealed) throw new Error('no provider key');
    const ownerKey = openSecret(
      sealed.ownerKey,
      masterKey,
      ownerKeyBinding(sealed.ownerId, sealed.ownerKey.version),
    );
    expect(
      openSecret(sealed.secret, ownerKey, providerKeyBinding(sealed, sealed.secret.version)).toString(),
    ).toBe('sk-provider');
    expect(await bootstrap.addApiKey({ ...key, secret: added.secret })).toEqual(added);
  });
});
