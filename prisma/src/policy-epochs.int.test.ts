import { policySnapshotSchema } from '@weir/contracts/policy-snapshot';
import { signalSchemas } from '@weir/contracts/signals';
import { newUuid, type Uuid } from '@weir/kernel/ids';
import { createTestDatabase, type TestDatabase } from '@weir/testkit/postgres';
import {
  aBudget,
  aModel,
  anOwnerKey,
  aPrice,
  aProviderKey,
  insertRow,
  seedTenant,
  type Tenant,
} from '@weir/testkit/postgres-tenant';
import pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

let database: TestDatabase;
let owner: pg.Client;
let proxy: pg.Client;
let tenant: Tenant;

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
});

async function epoch(organizationId: Uuid): Promise<bigint> {
  const { rows } = await proxy.query<{ epoch: string }>('select epoch from policy.epochs($1)', [
    [organizationId],
  ]);
  return BigInt(rows[0]?.epoch ?? -1);
}

describe('the epochs of organizations', () => {
  const changes: readonly (readonly [string, () => Promise<unknown>])[] = [
    [
      'organizations',
      () =>
        owner.query(`update identity.organizations set status = 'SUSPENDED' where id = $1`, [
          tenant.organizationId,
        ]),
    ],
    ['accounts', () => owner.query('update identity.accounts set level = 7 where id = $1', [tenant.teamId])],
    [
      'api_keys',
      () =>
        owner.query(`update identity.api_keys set status = 'REVOKED', revoked_at = now() where id = $1`, [
          tenant.apiKeyId,
        ]),
    ],
    [
      'api_keys (deleted)',
      () => owner.query('delete from identity.api_keys where id = $1', [tenant.apiKeyId]),
    ],
    ['owner_keys', () => insertRow(owner, 'identity.owner_keys', anOwnerKey(tenant))],
    ['provider_keys', () => insertRow(owner, 'identity.provider_keys', aProviderKey(tenant))],
    ['models', () => insertRow(owner, 'identity.models', aModel(tenant.organizationId, 'own'))],
    ['prices', () => insertRow(owner, 'billing.prices', aPrice(tenant.organizationId, 'own', 0, 1))],
    [
      'budgets',
      () => insertRow(owner, 'billing.budgets', aBudget(tenant, 'ORGANIZATION', tenant.organizationId)),
    ],
  ];

  async function signalsDuring(change: () => Promise<unknown>) {
    const received: { organizationId: string | null; epoch: string }[] = [];
    const listener = new pg.Client({ connectionString: database.url });
    await listener.connect();
    listener.on('notification', ({ payload }) => {
      received.push(signalSchemas.policy.parse(JSON.parse(payload ?? '')));
    });
    try {
      await listener.query('listen policy');
      await change();
      // Notifications of a committed transaction come before the answer to a later statement.
      await listener.query('select');
      return received;
    } finally {
      await listener.end();
    }
  }

  it.each(changes)('move and are told when a row of %s changes', async (_table, change) => {
    const bystander = await seedTenant(owner);
    const [before, bystandersBefore] = [
      await epoch(tenant.organizationId),
      await epoch(bystander.organizationId),
    ];
    const signals = await signalsDuring(change);
    const after = await epoch(tenant.organizationId);
    expect(after).toBeGreaterThan(before);
    expect(signals).toEqual([{ organizationId: tenant.organizationId, epoch: after.toString() }]);
    expect(await epoch(bystander.organizationId)).toBe(bystandersBefore);
  });

  it('are what a snapshot carries', async () => {
    const { rows } = await proxy.query<{ answer: unknown }>('select policy.snapshot($1) as answer', [
      tenant.keyHash,
    ]);
    expect(policySnapshotSchema.parse(rows[0]?.answer).epoch).toBe(await epoch(tenant.organizationId));
  });

  it('move for everyone when a row of no organization changes', async () => {
    const bystander = await seedTenant(owner);
    const before = [await epoch(tenant.organizationId), await epoch(bystander.organizationId)];
    const signals = await signalsDuring(() =>
      insertRow(owner, 'identity.models', aModel(null, `global-${tenant.organizationId}`)),
    );
    expect(signals.map((signal) => signal.organizationId)).toEqual([null]);
    const after = [await epoch(tenant.organizationId), await epoch(bystander.organizationId)];
    expect(after).toEqual(before.map((value) => value + 1n));
  });

  it('stay when a statement changes nothing', async () => {
    const before = await epoch(tenant.organizationId);
    await owner.query('update identity.accounts set level = level where organization_id = $1', [
      tenant.organizationId,
    ]);
    await owner.query('delete from identity.accounts where id = $1', [newUuid()]);
    expect(await epoch(tenant.organizationId)).toBe(before);
  });

  it('move once per statement, however many rows it changes', async () => {
    const before = await epoch(tenant.organizationId);
    await owner.query('update identity.accounts set level = 3 where organization_id = $1', [
      tenant.organizationId,
    ]);
    expect(await epoch(tenant.organizationId)).toBe(before + 1n);
  });
});
