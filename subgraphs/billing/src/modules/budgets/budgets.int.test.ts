import pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { encodeId, newUuid } from '@weir/kernel/ids';
import { appendAttempt } from '@weir/testkit/postgres-attempts';
import { createTestDatabase, type TestDatabase } from '@weir/testkit/postgres';
import { seedTenant, type Tenant } from '@weir/testkit/postgres-tenant';
import { identityOf } from '../../test-identity.ts';
import { startTestServer, type TestServer } from '../../test-server.ts';

const SOON = { timeout: 20_000, interval: 5 };

let database: TestDatabase;
let owner: pg.Pool;
let server: TestServer;
let tenant: Tenant;

beforeAll(async () => {
  database = await createTestDatabase();
  owner = new pg.Pool({ connectionString: database.url });
  server = await startTestServer(database.url);
});
afterAll(async () => {
  await server.stop();
  await owner.end();
  await database.drop();
});
beforeEach(async () => {
  tenant = await seedTenant(owner, { timeZone: 'Asia/Tokyo' });
});

const FIELDS = `
  id name metric enforcement thresholds graceMinutes isArchived version percentUsed status models
  organization { id } target { kind account { id } apiKey { id } }
  limit { value money { amount } } spent { value } remaining { value money { amount } }
  period { kind start end resetsAt }`;

interface BudgetView {
  id: string;
  name: string;
  version: number;
  status: string;
  spent: { value: string };
  period: { kind: string; start: string | null; end: string | null; resetsAt: string | null };
  [field: string]: unknown;
}
interface Payload {
  budget: BudgetView | null;
  userErrors: { code: string; field: string[] | null; message: string }[];
}

async function mutate(
  name: 'budgetCreate' | 'budgetUpdate',
  input: Record<string, unknown>,
  identity = identityOf(tenant),
) {
  const type = name === 'budgetCreate' ? 'BudgetCreateInput' : 'BudgetUpdateInput';
  const { data, errors } = await server.ask(
    identity,
    `mutation ($input: ${type}!) { ${name}(input: $input) { budget { ${FIELDS} } userErrors { code field message } } }`,
    { input },
  );
  return { payload: data?.[name] as Payload | undefined, errors };
}

const valid = () => ({
  organizationId: encodeId('organization', tenant.organizationId),
  name: 'Team',
  metric: 'COST',
  limit: '12.5',
  period: 'MONTHLY',
});

async function create(input: Record<string, unknown> = {}): Promise<BudgetView> {
  const { payload } = await mutate('budgetCreate', { ...valid(), ...input });
  if (!payload?.budget) throw new Error(JSON.stringify(payload?.userErrors));
  return payload.budget;
}

async function read(id: string, identity = identityOf(tenant)): Promise<BudgetView | null> {
  const { data } = await server.ask(identity, `query ($id: ID!) { budget(id: $id) { ${FIELDS} } }`, { id });
  return data?.['budget'] as BudgetView | null;
}

describe('budgetCreate', () => {
  it('adds a budget with the defaults that people expect', async () => {
    expect(await create()).toMatchObject({
      name: 'Team',
      metric: 'COST',
      enforcement: 'BLOCK',
      thresholds: [50, 80, 100],
      graceMinutes: 0,
      isArchived: false,
      version: 1,
      percentUsed: 0,
      status: 'OK',
      models: null,
      organization: { id: encodeId('organization', tenant.organizationId) },
      target: { kind: 'ORGANIZATION', account: null, apiKey: null },
      limit: { value: '12.5', money: { amount: '12.5' } },
      spent: { value: '0' },
      remaining: { value: '12.5', money: { amount: '12.5' } },
    });
  });

  it('places the period in the business time zone', async () => {
    const { period } = await create({ period: 'DAILY' });
    const { start, end, resetsAt } = period;
    expect([start, end]).toEqual([
      expect.stringMatching(/T15:00:00.000Z$/),
      expect.stringMatching(/T15:00:00.000Z$/),
    ]);
    expect(resetsAt).toBe(end);
    expect((await create({ period: 'TOTAL' })).period).toEqual({
      kind: 'TOTAL',
      start: null,
      end: null,
      resetsAt: null,
    });
  });

  it('hangs it on an account or a key of the organization and on nothing else', async () => {
    const accountId = encodeId('account', tenant.teamId);
    const apiKeyId = encodeId('apiKey', tenant.apiKeyId);
    expect(await create({ accountId })).toMatchObject({
      target: { kind: 'ACCOUNT', account: { id: accountId }, apiKey: null },
    });
    expect(await create({ apiKeyId, metric: 'REQUESTS', limit: '7' })).toMatchObject({
      target: { kind: 'API_KEY', account: null, apiKey: { id: apiKeyId } },
      limit: { value: '7', money: null },
    });
    const stranger = await seedTenant(owner);
    for (const [input, code, field] of [
      [{ accountId: encodeId('account', stranger.teamId) }, 'TARGET_NOT_FOUND', 'accountId'],
      [{ apiKeyId: encodeId('apiKey', newUuid()) }, 'TARGET_NOT_FOUND', 'apiKeyId'],
      [{ accountId, apiKeyId }, 'AMBIGUOUS_TARGET', 'apiKeyId'],
    ] as const) {
      const { payload } = await mutate('budgetCreate', { ...valid(), ...input });
      expect(payload).toMatchObject({ budget: null, userErrors: [{ code, field: [field] }] });
    }
  });

  it('answers every rule that the input breaks, and creates nothing', async () => {
    const { payload } = await mutate('budgetCreate', {
      ...valid(),
      name: '',
      limit: '0',
      thresholds: [80, 50],
    });
    expect(payload?.budget).toBeNull();
    expect(payload?.userErrors.map(({ code }) => code).toSorted()).toEqual([
      'INVALID_LIMIT',
      'INVALID_NAME',
      'INVALID_THRESHOLDS',
    ]);
    const { rows } = await owner.query('select from billing.budgets where organization_id = $1', [
      tenant.organizationId,
    ]);
    expect(rows).toHaveLength(0);
  });

  it('takes what the organization has chosen for new budgets where its creator says nothing', async () => {
    const budgetDefaults = { enforcement: 'NOTIFY', thresholds: [25], graceMinutes: 30 };
    await owner.query('update identity.organizations set settings = $2 where id = $1', [
      tenant.organizationId,
      { budgetDefaults },
    ]);
    expect((await mutate('budgetCreate', valid())).payload).toMatchObject({ budget: budgetDefaults });
    const told = await mutate('budgetCreate', { ...valid(), enforcement: 'BLOCK', graceMinutes: 0 });
    expect(told.payload).toMatchObject({
      budget: { enforcement: 'BLOCK', thresholds: [25], graceMinutes: 0 },
    });
  });

  it('is refused without the permission, and in another organization as if that did not exist', async () => {
    const { errors } = await mutate('budgetCreate', valid(), identityOf(tenant, ['org.budget.read']));
    expect(errors).toMatchObject([{ extensions: { code: 'FORBIDDEN' } }]);
    const stranger = await mutate('budgetCreate', valid(), identityOf(await seedTenant(owner)));
    expect(stranger.errors).toMatchObject([{ extensions: { code: 'NOT_FOUND' } }]);
  });

  it('moves the policy epoch, so that every proxy takes notice', async () => {
    const epoch = async () => {
      const { rows } = await owner.query<{ epoch: string }>(
        'select epoch from policy.epochs(array[$1::uuid])',
        [tenant.organizationId],
      );
      return BigInt(rows[0]?.epoch ?? '0');
    };
    const before = await epoch();
    const { id } = await create();
    const created = await epoch();
    await mutate('budgetUpdate', { id, limit: '13' });
    expect(created > before && (await epoch()) > created).toBe(true);
  });
});

describe('budgetUpdate', () => {
  it('changes what is given and leaves the rest', async () => {
    const { id } = await create();
    const { payload } = await mutate('budgetUpdate', {
      id,
      limit: '20',
      thresholds: [90],
      enforcement: 'WARN',
    });
    expect(payload).toMatchObject({
      budget: { name: 'Team', limit: { value: '20' }, thresholds: [90], enforcement: 'WARN', version: 2 },
      userErrors: [],
    });
  });

  it('refuses to overwrite a change that the caller has not seen', async () => {
    const { id, version } = await create();
    await mutate('budgetUpdate', { id, name: 'First', expectedVersion: version });
    const { payload } = await mutate('budgetUpdate', { id, name: 'Second', expectedVersion: version });
    expect(payload).toMatchObject({ budget: null, userErrors: [{ code: 'CONFLICT' }] });
    expect(await read(id)).toMatchObject({ name: 'First', version: 2 });
  });

  it('takes changes that come at the same time one after the other', async () => {
    const { id } = await create();
    const changes = Array.from({ length: 8 }, (_, n) => mutate('budgetUpdate', { id, limit: `${n + 1}` }));
    const versions = (await Promise.all(changes)).map(({ payload }) => payload?.budget?.version ?? 0);
    expect(versions.toSorted((a, b) => a - b)).toEqual([2, 3, 4, 5, 6, 7, 8, 9]);
  });

  it('reads the limit in the unit of the metric', async () => {
    const { id } = await create({ metric: 'TOKENS', limit: '1000' });
    const { payload } = await mutate('budgetUpdate', { id, limit: '1.5' });
    expect(payload).toMatchObject({
      budget: null,
      userErrors: [{ code: 'INVALID_LIMIT', field: ['limit'] }],
    });
  });

  it('finds no budget of another organization', async () => {
    const { id } = await create();
    const { payload } = await mutate('budgetUpdate', { id, limit: '1' }, identityOf(await seedTenant(owner)));
    expect(payload).toMatchObject({ budget: null, userErrors: [{ code: 'NOT_FOUND' }] });
  });
});

describe('a budget', () => {
  it('shows what was spent as soon as it is settled', async () => {
    const { id } = await create({ limit: '0.000001' });
    await appendAttempt(owner, tenant, { cost: 850n, businessDate: tokyoToday() });
    await expect.poll(async () => (await read(id))?.spent.value, SOON).toBe('0.00000085');
    expect(await read(id)).toMatchObject({
      status: 'WARN',
      percentUsed: 85,
      remaining: { value: '0.00000015' },
    });
    await appendAttempt(owner, tenant, { cost: 200n, businessDate: tokyoToday() });
    await expect.poll(async () => (await read(id))?.status, SOON).toBe('EXCEEDED');
    expect(await read(id)).toMatchObject({ percentUsed: 105, remaining: { value: '0' } });
  });

  it('is absent for another organization and for who may not read budgets', async () => {
    const { id } = await create();
    expect(await read(id, identityOf(await seedTenant(owner)))).toBeNull();
    expect(await read(id, identityOf(tenant, ['org.read']))).toBeNull();
    expect(await read('bud_nonsense')).toBeNull();
  });

  it('is listed, newest first, page by page, archived ones apart', async () => {
    const ids: string[] = [];
    for (const name of ['a', 'b', 'c', 'd', 'e']) ids.unshift((await create({ name })).id);
    const archived = ids.pop();
    await mutate('budgetUpdate', { id: archived, isArchived: true });
    const list = async (args: string) => {
      const { data } = await server.ask(
        identityOf(tenant),
        `query ($id: ID!) { _entities(representations: [{ __typename: "Organization", id: $id }]) {
           ... on Organization { budgets(${args}) { nodes { id spent { value } } pageInfo { hasNextPage endCursor } } } } }`,
        { id: encodeId('organization', tenant.organizationId) },
      );
      type Page = { nodes: { id: string }[]; pageInfo: { hasNextPage: boolean; endCursor: string } };
      return (data?.['_entities'] as { budgets: Page }[])[0]?.budgets as Page;
    };
    const first = await list('first: 3');
    const second = await list(`first: 3, after: "${first.pageInfo.endCursor}"`);
    expect([...first.nodes, ...second.nodes].map(({ id }) => id)).toEqual(ids);
    expect([first.pageInfo.hasNextPage, second.pageInfo.hasNextPage]).toEqual([true, false]);
    expect((await list('filter: { isArchived: true }')).nodes.map(({ id }) => id)).toEqual([archived]);
  });
});

function tokyoToday(): string {
  return new Intl.DateTimeFormat('en-CA', { timeZone: 'Asia/Tokyo' }).format(new Date());
}
