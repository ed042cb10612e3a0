import { policySnapshotSchema, type PolicySnapshot } from '@weir/contracts/policy-snapshot';
import { newUuid, type Uuid } from '@weir/kernel/ids';
import { createTestDatabase, type TestDatabase } from '@weir/testkit/postgres';
import {
  aBudget,
  aModel,
  anOwnerKey,
  aPrice,
  aProviderKey,
  insertRow,
  seedSuccessor,
  seedTenant,
  type Tenant,
} from '@weir/testkit/postgres-tenant';
import pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

let database: TestDatabase;
let owner: pg.Client;
let proxy: pg.Client;
let tenant: Tenant;

const DAY_MS = 86_400_000;

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
  tenant = await seedTenant(owner, { timeZone: 'Asia/Tokyo' });
});

async function snapshotOf(keyHash: Buffer): Promise<PolicySnapshot | null> {
  const { rows } = await proxy.query<{ answer: unknown }>('select policy.snapshot($1) as answer', [keyHash]);
  const answer = rows[0]?.answer ?? null;
  return answer === null ? null : policySnapshotSchema.parse(answer);
}

async function snapshot(): Promise<PolicySnapshot> {
  const found = await snapshotOf(tenant.keyHash);
  if (found === null) throw new Error('the key is unknown');
  return found;
}

describe('policy.snapshot', () => {
  it('answers null for an unknown key', async () => {
    expect(await snapshotOf(Buffer.alloc(32))).toBeNull();
  });

  it('answers the chain from the root to the account of the key, in the shape of the contract', async () => {
    const answer = await snapshot();
    expect(answer.organization).toMatchObject({
      id: tenant.organizationId,
      status: 'ACTIVE',
      timeZone: 'Asia/Tokyo',
    });
    expect(answer.accounts.map((account) => account.id)).toEqual([tenant.ownerId, tenant.teamId]);
    expect(answer.accounts[1]).toMatchObject({ kind: 'TEAM', ratesPpm: 1_000_000n, allowModels: null });
    expect(answer.key).toMatchObject({ id: tenant.apiKeyId, status: 'ACTIVE', expiresAtMs: null });
  });

  it('passes lists, limits and mappers through, and tells an empty list from none', async () => {
    const modelLimits = [{ pattern: 'gpt-*', limits: { requestsPerMinute: 5 } }];
    await owner.query(
      `update identity.accounts
       set allow_models = '["gpt-*"]', allow_levels = '[]', limits = '{"tokensPerDay": 100}',
           model_limits = $2, switch_over = '[{"from": 1, "to": 2}]', rates_ppm = 1500000
       where id = $1`,
      [tenant.teamId, JSON.stringify(modelLimits)],
    );
    expect((await snapshot()).accounts[1]).toMatchObject({
      allowModels: ['gpt-*'],
      allowLevels: [],
      resources: null,
      limits: { tokensPerDay: 100 },
      modelLimits,
      switchOver: [{ from: 1, to: 2 }],
      ratesPpm: 1_500_000n,
    });
  });

  it('still answers for a revoked and an expired key, so that the caller learns which it was', async () => {
    await owner.query(
      `update identity.api_keys set status = 'REVOKED', revoked_at = now(), expires_at = '2026-01-01T00:00:00.5Z'
       where id = $1`,
      [tenant.apiKeyId],
    );
    expect((await snapshot()).key).toMatchObject({ status: 'REVOKED', expiresAtMs: 1_767_225_600_500 });
  });

  it('lists budgets of a key for every key of its rotations', async () => {
    const successor = await seedSuccessor(owner, tenant);
    const budgets = [tenant, successor].map(({ apiKeyId }) => aBudget(tenant, 'API_KEY', apiKeyId));
    for (const budget of budgets) await insertRow(owner, 'billing.budgets', budget);
    for (const { keyHash } of [tenant, successor]) {
      const listed = (await snapshotOf(keyHash))?.budgets.map(({ id }) => id);
      expect(new Set(listed)).toEqual(new Set(budgets.map(({ id }) => id)));
    }
  });

  it('lists active budgets of the organization, the chain and the key, with exact limits, and no others', async () => {
    const own = [
      aBudget(tenant, 'ORGANIZATION', tenant.organizationId),
      aBudget(tenant, 'ACCOUNT', tenant.ownerId),
      aBudget(tenant, 'ACCOUNT', tenant.teamId, { models: JSON.stringify(['gpt-*']) }),
      aBudget(tenant, 'API_KEY', tenant.apiKeyId),
    ];
    const foreign = [
      aBudget(tenant, 'ACCOUNT', newUuid()),
      aBudget(tenant, 'API_KEY', tenant.apiKeyId, { status: 'ARCHIVED' }),
    ];
    for (const budget of [...own, ...foreign]) await insertRow(owner, 'billing.budgets', budget);
    const { budgets } = await snapshot();
    expect(new Set(budgets.map((budget) => budget.id))).toEqual(new Set(own.map((budget) => budget.id)));
    expect(budgets.every((budget) => budget.limit === 9_007_199_254_740_991n)).toBe(true);
    expect(budgets.find((budget) => budget.nodeId === tenant.teamId)?.models).toEqual(['gpt-*']);
  });

  it('lists usable provider keys with their sealed secrets, and the others with their reason alone', async () => {
    await insertRow(owner, 'identity.owner_keys', anOwnerKey(tenant));
    await insertRow(
      owner,
      'identity.provider_keys',
      aProviderKey(tenant, { level: 2, weight: 3, key_version: 4 }),
    );
    await insertRow(owner, 'identity.provider_keys', aProviderKey(tenant, { status: 'DEGRADED', level: 3 }));
    const off = [
      aProviderKey(tenant, { level: 1, status: 'DISABLED', disabled_reason: 'refused with 401' }),
      aProviderKey(tenant, { level: 2, status: 'KILLED' }),
    ];
    for (const key of off) await insertRow(owner, 'identity.provider_keys', key);
    const { providerKeys, unusedProviderKeys } = await snapshot();
    expect(unusedProviderKeys).toEqual(
      off.map(({ id }, index) => ({
        id,
        name: 'Provider',
        provider: 'openai',
        level: index + 1,
        status: ['DISABLED', 'KILLED'][index],
        reason: ['refused with 401', null][index],
      })),
    );
    expect(providerKeys).toMatchObject([
      {
        level: 2,
        weight: 3,
        ownerId: tenant.ownerId,
        secret: { ciphertext: 'c2VhbGVk', version: 4 },
        ownerKey: { ciphertext: 'b3duZXI=', version: 1 },
        isDegraded: false,
      },
      { level: 3, isDegraded: true },
    ]);
  });

  it('gives a signing secret with the key that opens it', async () => {
    await insertRow(owner, 'identity.owner_keys', anOwnerKey(tenant));
    const secret = { ciphertext: 'c2ln', nonce: 'bm9uY2U=', version: 1 };
    await owner.query(
      'update identity.api_keys set signing_secret = $2, require_signature = true where id = $1',
      [tenant.apiKeyId, JSON.stringify(secret)],
    );
    expect((await snapshot()).key).toMatchObject({
      requireSignature: true,
      signing: { ownerId: tenant.ownerId, secret, ownerKey: { ciphertext: 'b3duZXI=' } },
    });
  });

  it("offers the latest revision of the key's environment", async () => {
    const name = `model-${tenant.organizationId}`;
    const production = aModel(tenant.organizationId, name, { revision: 1 });
    const next = aModel(tenant.organizationId, name, { revision: 2, environments: ['DEVELOPMENT'] });
    for (const model of [production, next]) await insertRow(owner, 'identity.models', model);
    const offered = async () => (await snapshot()).models.find((model) => model.name === name)?.id;
    expect(await offered()).toBe(production.id);
    await owner.query(`update identity.api_keys set environment = 'DEVELOPMENT' where id = $1`, [
      tenant.apiKeyId,
    ]);
    expect(await offered()).toBe(next.id);
  });

  it("prefers an organization's own model and the latest revision", async () => {
    const name = `model-${tenant.organizationId}`;
    const latest = aModel(tenant.organizationId, name, { revision: 2, aliases: ['alias'] });
    await insertRow(owner, 'identity.models', aModel(null, name, { revision: 9 }));
    await insertRow(owner, 'identity.models', aModel(tenant.organizationId, name, { revision: 1 }));
    await insertRow(owner, 'identity.models', latest);
    const { models } = await snapshot();
    expect(models.filter((model) => model.name === name)).toMatchObject([
      { id: latest.id, aliases: ['alias'] },
    ]);
  });

  it("knows everybody's and the organization's own prices of every tier, and drops versions nobody can need any more", async () => {
    const name = `model-${tenant.organizationId}`;
    const now = Date.now();
    await insertRow(owner, 'identity.models', aModel(null, name));
    const prices = [
      aPrice(null, name, now - 30 * DAY_MS, 1),
      aPrice(null, name, now - 20 * DAY_MS, 2),
      aPrice(tenant.organizationId, name, now + 10 * DAY_MS, 3),
      aPrice(null, name, now + 15 * DAY_MS, 4),
      { ...aPrice(null, name, now - 10 * DAY_MS, 5), tier: 2 },
    ];
    for (const price of prices) await insertRow(owner, 'billing.prices', price);
    const model = (await snapshot()).models.find((candidate) => candidate.name === name);
    expect(model?.prices.map(({ input, tier, isOwn }) => [input, tier, isOwn])).toEqual([
      [2n, 0, false],
      [5n, 2, false],
      [3n, 0, true],
      [4n, 0, false],
    ]);
  });
});

describe('policy.node_exists', () => {
  const ask = async (organization: Uuid, kind: string, node: Uuid) =>
    (
      await owner.query<{ found: boolean }>('select policy.node_exists($1, $2, $3) as found', [
        organization,
        kind,
        node,
      ])
    ).rows[0]?.found;

  it("knows an organization's own nodes and nobody else's", async () => {
    const other = await seedTenant(owner);
    const { organizationId } = tenant;
    expect(await ask(organizationId, 'ORGANIZATION', organizationId)).toBe(true);
    expect(await ask(organizationId, 'ACCOUNT', tenant.teamId)).toBe(true);
    expect(await ask(organizationId, 'API_KEY', tenant.apiKeyId)).toBe(true);
    expect(await ask(organizationId, 'ORGANIZATION', other.organizationId)).toBe(false);
    expect(await ask(organizationId, 'ACCOUNT', other.teamId)).toBe(false);
    expect(await ask(organizationId, 'API_KEY', other.apiKeyId)).toBe(false);
    expect(await ask(organizationId, 'ACCOUNT', tenant.apiKeyId)).toBe(false);
  });
});
