import { newUuid } from '@weir/kernel/ids';
import { createTestDatabase, type TestDatabase } from '@weir/testkit/postgres';
import { aProviderKey, anOwnerKey, insertRow, seedTenant, type Tenant } from '@weir/testkit/postgres-tenant';
import pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

let database: TestDatabase;
let owner: pg.Client;
let proxy: pg.Client;
let tenant: Tenant;
let key: { readonly id: string };

beforeAll(async () => {
  database = await createTestDatabase();
  owner = new pg.Client({ connectionString: database.url });
  proxy = new pg.Client({ connectionString: database.url, options: '-c role=weir_proxy' });
  await Promise.all([owner.connect(), proxy.connect()]);
});

afterAll(async () => {
  await Promise.all([owner.end(), proxy.end()]);
  await database.drop();
});

beforeEach(async () => {
  tenant = await seedTenant(owner);
  await insertRow(owner, 'identity.owner_keys', anOwnerKey(tenant));
  key = { id: newUuid() };
  await insertRow(owner, 'identity.provider_keys', aProviderKey(tenant, { id: key.id, key_version: 3 }));
});

async function disable(secretVersion: number, organizationId: string = tenant.organizationId) {
  const { rows } = await proxy.query<{ disabled: boolean; epoch: string }>(
    'select * from policy.disable_provider_key($1, $2, $3, $4)',
    [organizationId, key.id, secretVersion, 'refused'],
  );
  return rows[0];
}

async function standing() {
  const { rows } = await owner.query<{ status: string; disabled_reason: string | null }>(
    'select status, disabled_reason from identity.provider_keys where id = $1',
    [key.id],
  );
  return rows[0];
}

async function epoch(): Promise<string | undefined> {
  const { rows } = await proxy.query<{ epoch: string }>('select epoch from policy.epochs($1)', [
    [tenant.organizationId],
  ]);
  return rows[0]?.epoch;
}

describe('policy.disable_provider_key', () => {
  it('disables the refused key once, and answers the epoch from which on policies know', async () => {
    const before = await epoch();
    const first = await disable(3);
    expect(await standing()).toEqual({ status: 'DISABLED', disabled_reason: 'refused' });
    expect(first).toEqual({ disabled: true, epoch: await epoch() });
    expect(BigInt(first?.epoch ?? 0)).toBeGreaterThan(BigInt(before ?? 0));
    expect(await disable(3)).toEqual({ disabled: false, epoch: first?.epoch });
  });

  it('leaves a key alone whose secret was replaced meanwhile', async () => {
    expect(await disable(2)).toMatchObject({ disabled: false });
    expect(await standing()).toMatchObject({ status: 'ENABLED' });
  });

  it('disables a degraded key, and leaves a killed one as it is', async () => {
    for (const [status, disabled] of [
      ['DEGRADED', true],
      ['KILLED', false],
    ] as const) {
      await owner.query('update identity.provider_keys set status = $2 where id = $1', [key.id, status]);
      expect(await disable(3)).toMatchObject({ disabled });
    }
  });

  it("does not reach into another organization's keys", async () => {
    const other = await seedTenant(owner);
    expect(await disable(3, other.organizationId)).toMatchObject({ disabled: false });
    expect(await standing()).toMatchObject({ status: 'ENABLED' });
  });
});

describe('policy.report_provider_key_states', () => {
  const report = (...rows: object[]) =>
    proxy.query('select policy.report_provider_key_states($1)', [JSON.stringify(rows)]);
  const row = (parts: object = {}) => ({
    providerKeyId: key.id,
    secretVersion: 3,
    model: 'm',
    state: 'SLEEPING',
    untilMs: 1_800_000_000_000,
    reason: 'throttled',
    failures: 2,
    ...parts,
  });
  const states = async () => {
    const { rows } = await owner.query(
      'select model, state, until, reason, failures from identity.provider_key_states where provider_key_id = $1 order by model',
      [key.id],
    );
    return rows as readonly object[];
  };

  it('keeps the last that was said of each model', async () => {
    await report(row(), row({ model: 'n' }));
    await report(row({ state: 'AWAKE', untilMs: null, reason: null, failures: 0 }));
    expect(await states()).toEqual([
      { model: 'm', state: 'AWAKE', until: null, reason: null, failures: 0 },
      { model: 'n', state: 'SLEEPING', until: new Date(1_800_000_000_000), reason: 'throttled', failures: 2 },
    ]);
  });

  it('drops what is said of a replaced secret or an unknown key', async () => {
    await report(row({ secretVersion: 2 }), row({ providerKeyId: newUuid() }));
    expect(await states()).toEqual([]);
  });

  it('moves no epoch: nobody has to read a policy anew for it', async () => {
    const before = await epoch();
    await report(row());
    expect(await epoch()).toBe(before);
  });
});
