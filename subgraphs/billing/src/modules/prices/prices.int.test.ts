import pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { encodeId, newUuid, type Uuid } from '@weir/kernel/ids';
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
    expect(amounts(own)).toEqual(['0.5', '1']);
    const others = await pricesOf(stranger);
    expect(others.currentPrice).toMatchObject({ scope: 'GLOBAL', inputPerMillion: { amount: '4' } });
    expect(amounts(others)).toEqual(['4', '1']);
    const { rows } = await owner.query<{ latest: string }>(
      `select m -> 'prices' -> -1 ->> 'input' as latest
       from jsonb_array_elements(policy.snapshot($1)::jsonb -> 'models') as m where m ->> 'name' = $2`,
      [tenant.keyHash, model],
    );
    expect(rows[0]?.latest).toBe('500000000');
  });

  it('is null as long as there is none, and added once however often it is added', async () => {
    expect((await pricesOf(tenant)).currentPrice).toBeNull();
    const version = price(-1, 7n);
    await bootstrap.addPrices([version, version]);
    await bootstrap.addPrices([{ ...version, input: 8n }]);
    expect(amounts(await pricesOf(tenant))).toEqual(['0.000000007']);
  });
});
