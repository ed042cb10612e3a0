import pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { policySnapshotSchema, type SnapshotModel } from '@weir/contracts/policy-snapshot';
import { encodeId, newUuid, type Uuid } from '@weir/kernel/ids';
import { priceAt } from '@weir/kernel/pricing';
import { createTestDatabase, type TestDatabase } from '@weir/testkit/postgres';
import { insertRow, seedTenant, type Tenant } from '@weir/testkit/postgres-tenant';
import { createBillingBootstrap, type BillingBootstrap } from '../../bootstrap.ts';
import { identityOf } from '../../test-identity.ts';
import { startTestServer, type TestServer } from '../../test-server.ts';

let database: TestDatabase;
let owner: pg.Pool;
let bootstrap: BillingBootstrap;
let server: TestServer;
let tenant: Tenant;
let stranger: Tenant;
let model: string;
let modelId: Uuid;

const YEAR_MS = 365 * 86_400_000;
const now = Date.now();

beforeAll(async () => {
  database = await createTestDatabase();
  owner = new pg.Pool({ connectionString: database.url });
  bootstrap = createBillingBootstrap(database.url);
  server = await startTestServer(database.url);
  tenant = await seedTenant(owner);
  stranger = await seedTenant(owner);
});
afterAll(async () => {
  await server.stop();
  await Promise.all([owner.end(), bootstrap.close()]);
  await database.drop();
});
beforeEach(async () => {
  modelId = newUuid();
  model = `model-${modelId}`;
  await insertRow(owner, 'identity.models', {
    id: modelId,
    name: model,
    context_tokens: 1,
    max_output_tokens: 1,
  });
});

const price = (yearsFromNow: number, input: bigint, organizationId: Uuid | null = null) => ({
  model,
  organizationId,
  validFromMs: now + yearsFromNow * YEAR_MS,
  input,
  output: 2n * input,
});

interface ModelPrices {
  currentPrice: { inputPerMillion: { amount: string }; scope: string } | null;
  prices: {
    nodes: { inputPerMillion: { amount: string }; scope: string }[];
    pageInfo: { hasNextPage: boolean; endCursor: string };
  };
}

async function pricesOf(as: Tenant, args = ''): Promise<ModelPrices> {
  const { data } = await server.ask(
    identityOf(as),
    `query ($id: ID!) { _entities(representations: [{ __typename: "Model", id: $id }]) { ... on Model {
       currentPrice { scope inputPerMillion { amount } outputPerMillion { amount currency } perRequest { amount } }
       prices${args} { nodes { scope inputPerMillion { amount } } pageInfo { hasNextPage endCursor } } } } }`,
    { id: encodeId('model', modelId) },
  );
  return (data?.['_entities'] as ModelPrices[])[0] as ModelPrices;
}

const amounts = ({ prices }: ModelPrices) => prices.nodes.map((node) => node.inputPerMillion.amount);

describe('the price of a model', () => {
  it('is the version that is valid now, with its history and what is planned', async () => {
    await bootstrap.addPrices([
      price(-2, 1_000_000_000n),
      price(-1, 2_500_000_000n),
      price(1, 3_000_000_000n),
    ]);
    const answer = await pricesOf(tenant);
    expect(answer.currentPrice).toEqual({
      scope: 'GLOBAL',
      inputPerMillion: { amount: '2.5' },
      outputPerMillion: { amount: '5', currency: 'USD' },
      perRequest: { amount: '0' },
    });
    expect(amounts(answer)).toEqual(['3', '2.5', '1']);
    const first = await pricesOf(tenant, '(first: 2)');
    const second = await pricesOf(tenant, `(first: 2, after: "${first.prices.pageInfo.endCursor}")`);
    expect([amounts(first), amounts(second)]).toEqual([['3', '2.5'], ['1']]);
  });

  it("is the organization's own from its first day on, as the proxies see it, and never another organization's", async () => {
    await bootstrap.addPrices([
      price(-3, 1_000_000_000n),
      price(-2, 500_000_000n, tenant.organizationId),
      price(-1, 4_000_000_000n),
    ]);
    const own = await pricesOf(tenant);
    expect(own.currentPrice).toMatchObject({ scope: 'ORGANIZATION', inputPerMillion: { amount: '0.5' } });
    expect(amounts(own)).toEqual(['4', '0.5', '1']);
    const others = await pricesOf(stranger);
    expect(others.currentPrice).toMatchObject({ scope: 'GLOBAL', inputPerMillion: { amount: '4' } });
    expect(amounts(others)).toEqual(['4', '1']);
    const { rows } = await owner.query<{ latest: string }>(
      `select m -> 'prices' -> -1 ->> 'input' as latest
       from jsonb_array_elements(policy.snapshot($1)::jsonb -> 'models') as m where m ->> 'name' = $2`,
      [tenant.keyHash, model],
    );
    expect(rows[0]?.latest).toBe('4000000000');
  });

  it('is null as long as there is none, and added once however often it is added', async () => {
    expect((await pricesOf(tenant)).currentPrice).toBeNull();
    const version = price(-1, 7n);
    await bootstrap.addPrices([version, version]);
    await bootstrap.addPrices([{ ...version, input: 8n }]);
    expect(amounts(await pricesOf(tenant))).toEqual(['0.000000007']);
  });
});

interface Payload {
  readonly price: { readonly id: string; readonly [member: string]: unknown } | null;
  readonly withdrawnPriceId?: string | null;
  readonly userErrors: readonly { readonly code: string; readonly field: readonly string[] }[];
}

async function mutate(
  name: 'priceSet' | 'priceWithdraw',
  input: object,
  as = identityOf(tenant),
): Promise<Payload> {
  const Name = name === 'priceSet' ? 'PriceSet' : 'PriceWithdraw';
  const result =
    name === 'priceSet'
      ? `price { id scope tier validFrom inputPerMillion { amount } cachedInputPerMillion { amount }
           outputPerMillion { amount } reasoningPerMillion { amount } perRequest { amount } }`
      : 'withdrawnPriceId';
  const answer = await server.ask(
    as,
    `mutation ($input: ${Name}Input!) { ${name}(input: $input) { ${result} userErrors { code field } } }`,
    { input },
  );
  if (!answer.data?.[name]) throw new Error(JSON.stringify(answer.errors));
  return answer.data[name] as Payload;
}

const setting = (extra: object = {}) => ({
  organizationId: encodeId('organization', tenant.organizationId),
  modelId: encodeId('model', modelId),
  inputPerMillion: '2',
  outputPerMillion: '8',
  ...extra,
});

/** What the proxies are told of the model's prices now. */
async function told(as: Tenant): Promise<readonly SnapshotModel['prices'][number][]> {
  const { rows } = await owner.query<{ snapshot: unknown }>('select policy.snapshot($1) as snapshot', [
    as.keyHash,
  ]);
  const { models } = policySnapshotSchema.parse(rows[0]?.snapshot);
  return models.find(({ name }) => name === model)?.prices ?? [];
}

describe('a price of an organization', () => {
  it('is set for itself alone, tells the proxies at once, and costs what its classes contain', async () => {
    await bootstrap.addPrices([price(-1, 1_000_000_000n)]);
    const { price: set, userErrors } = await mutate('priceSet', setting());
    expect(userErrors).toEqual([]);
    expect(set).toMatchObject({
      scope: 'ORGANIZATION',
      tier: 0,
      inputPerMillion: { amount: '2' },
      cachedInputPerMillion: { amount: '2' },
      reasoningPerMillion: { amount: '8' },
      perRequest: { amount: '0' },
    });
    expect(priceAt(await told(tenant), Date.now(), 0)?.input).toBe(2_000_000_000n);
    expect(priceAt(await told(stranger), Date.now(), 0)?.input).toBe(1_000_000_000n);
    expect((await pricesOf(stranger)).currentPrice).toMatchObject({ scope: 'GLOBAL' });
  });

  it('of a tier is for accounts of that tier and above', async () => {
    await bootstrap.addPrices([price(-1, 4_000_000_000n), { ...price(-1, 3_000_000_000n), tier: 2 }]);
    await mutate('priceSet', setting({ tier: 5, inputPerMillion: '1' }));
    const prices = await told(tenant);
    const paid = [0, 1, 2, 4, 5, 9].map((tier) => priceAt(prices, Date.now(), tier)?.input);
    expect(paid).toEqual([4n, 4n, 3n, 3n, 1n, 1n].map((dollars) => dollars * 1_000_000_000n));
    const answer = await server.ask(
      identityOf(tenant),
      `query ($id: ID!) { _entities(representations: [{ __typename: "Model", id: $id }]) { ... on Model {
         low: currentPrice { tier } middle: currentPrice(tier: 4) { tier } high: currentPrice(tier: 7) { tier } } } }`,
      { id: encodeId('model', modelId) },
    );
    expect(answer.data).toEqual({
      _entities: [{ low: { tier: 0 }, middle: { tier: 2 }, high: { tier: 5 } }],
    });
  });

  it('can be planned and taken back until it begins, and stays for ever from then on', async () => {
    const validFrom = new Date(now + YEAR_MS).toISOString();
    const planned = await mutate('priceSet', setting({ validFrom }));
    expect((await mutate('priceSet', setting({ validFrom }))).userErrors).toMatchObject([{ code: 'TAKEN' }]);
    const id = planned.price?.id;
    const others = await mutate('priceWithdraw', { id }, identityOf(stranger));
    expect(others.userErrors).toMatchObject([{ code: 'NOT_FOUND' }]);
    expect((await mutate('priceWithdraw', { id })).withdrawnPriceId).toBe(id);
    expect(await told(tenant)).toEqual([]);
    const { price: begun } = await mutate('priceSet', setting());
    expect((await mutate('priceWithdraw', { id: begun?.id })).userErrors).toMatchObject([
      { code: 'ALREADY_VALID' },
    ]);
  });

  it.each([
    [{ tier: -1 }, 'INVALID_TIER', 'tier'],
    [{ validFrom: '2020-01-01T00:00:00Z' }, 'INVALID_VALID_FROM', 'validFrom'],
    [{ inputPerMillion: '-1' }, 'INVALID_AMOUNT', 'inputPerMillion'],
    [{ perImage: '0.0000000001' }, 'INVALID_AMOUNT', 'perImage'],
    [{ outputPerMillion: '1000000.1' }, 'INVALID_AMOUNT', 'outputPerMillion'],
    [{ modelId: encodeId('model', newUuid()) }, 'NOT_FOUND', 'modelId'],
  ])('is not set with %j', async (extra, code, field) => {
    expect((await mutate('priceSet', setting(extra))).userErrors).toEqual([{ code, field: [field] }]);
  });

  it('is nobody else’s: members without the permission, other organizations, programs below the root', async () => {
    await expect(mutate('priceSet', setting(), identityOf(tenant, ['org.read']))).rejects.toThrow(
      'FORBIDDEN',
    );
    await expect(mutate('priceSet', setting(), identityOf(stranger))).rejects.toThrow('NOT_FOUND');
    const program = (accountId: Uuid) => ({
      ...identityOf(tenant),
      actor: { type: 'apiKey' as const, apiKeyId: tenant.apiKeyId, accountId },
    });
    await expect(mutate('priceSet', setting(), program(tenant.teamId))).rejects.toThrow('FORBIDDEN');
    expect((await mutate('priceSet', setting(), program(tenant.ownerId))).userErrors).toEqual([]);
  });
});
