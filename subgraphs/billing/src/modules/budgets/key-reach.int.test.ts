import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { InternalIdentity } from '@weir/contracts/internal-identity';
import { encodeId, newUuid, type Uuid } from '@weir/kernel/ids';
import { appendAttempt } from '@weir/testkit/postgres-attempts';
import { createTestDatabase, type TestDatabase } from '@weir/testkit/postgres';
import { aBudget, insertRow, seedTenant, type Tenant } from '@weir/testkit/postgres-tenant';
import { identityOf } from '../../test-identity.ts';
import { startTestServer, type TestServer } from '../../test-server.ts';

let database: TestDatabase;
let owner: pg.Pool;
let server: TestServer;
let tenant: Tenant;
let childId: Uuid;
let besideId: Uuid;
const budgets: Record<string, Uuid> = {};

/** A program with the key of an account, whose scopes permit everything of budgets. */
const program = (accountId: Uuid): InternalIdentity => ({
  ...identityOf(tenant, ['org.read', 'org.budget.read', 'org.budget.write', 'org.billing.read']),
  actor: { type: 'apiKey', apiKeyId: tenant.apiKeyId, accountId },
});

async function addAccount(parentId: Uuid, dna: string): Promise<Uuid> {
  const id = newUuid();
  const row = {
    id,
    organization_id: tenant.organizationId,
    parent_id: parentId,
    dna,
    kind: 'TEAM',
    name: id,
  };
  await insertRow(owner, 'identity.accounts', row);
  return id;
}

async function addBudget(name: string, kind: string, nodeId: Uuid): Promise<void> {
  const budget = aBudget(tenant, kind, nodeId, { name, limit_amount: '10' });
  await insertRow(owner, 'billing.budgets', budget);
  budgets[name] = budget.id;
}

beforeAll(async () => {
  database = await createTestDatabase();
  owner = new pg.Pool({ connectionString: database.url });
  server = await startTestServer(database.url);
  tenant = await seedTenant(owner);
  const { ownerId, teamId } = tenant;
  childId = await addAccount(teamId, `.${ownerId}.${teamId}.`);
  besideId = await addAccount(ownerId, `.${ownerId}.`);
  await addBudget('organization', 'ORGANIZATION', tenant.organizationId);
  await addBudget('root', 'ACCOUNT', ownerId);
  await addBudget('beside', 'ACCOUNT', besideId);
  await addBudget('own', 'ACCOUNT', teamId);
  await addBudget('own key', 'API_KEY', tenant.apiKeyId);
  await addBudget('child', 'ACCOUNT', childId);
});
afterAll(async () => {
  await server.stop();
  await owner.end();
  await database.drop();
});

const LISTS = `query ($id: ID!) { _entities(representations: [{ __typename: "Organization", id: $id }]) {
  ... on Organization { budgets(first: 100) { nodes { name } } budgetAlerts(first: 100) { nodes { budget { name } } } } } }`;

async function lists(as: InternalIdentity) {
  const { data, errors } = await server.ask(as, LISTS, {
    id: encodeId('organization', tenant.organizationId),
  });
  expect(errors).toBeUndefined();
  const [found] = data?.['_entities'] as {
    budgets: { nodes: { name: string }[] };
    budgetAlerts: { nodes: { budget: { name: string } }[] };
  }[];
  return {
    budgets: found?.budgets.nodes.map(({ name }) => name).toSorted(),
    alerts: [...new Set(found?.budgetAlerts.nodes.map(({ budget }) => budget.name))].toSorted(),
  };
}

describe('a program with the key of an account', () => {
  it('sees the budgets of its own account and below, and their alerts', async () => {
    const everything = ['beside', 'child', 'organization', 'own', 'own key', 'root'];
    const within = ['child', 'own', 'own key'];
    await appendAttempt(owner, tenant, { cost: 10n });
    const ofRoot = () => lists(program(tenant.ownerId));
    await expect.poll(async () => (await ofRoot()).alerts).toContain('own');
    expect((await ofRoot()).budgets).toEqual(everything);
    expect(await lists(program(tenant.teamId))).toEqual({ budgets: within, alerts: ['own', 'own key'] });
    expect((await lists(program(childId))).budgets).toEqual(['child']);
  });

  it('finds no other budget by its id', async () => {
    const find = async (name: string, as: InternalIdentity) => {
      const id = encodeId('budget', budgets[name] ?? newUuid());
      const { data } = await server.ask(as, 'query ($id: ID!) { budget(id: $id) { name } }', { id });
      return data?.['budget'];
    };
    expect(await find('child', program(tenant.teamId))).toEqual({ name: 'child' });
    for (const name of ['organization', 'root', 'beside'])
      expect(await find(name, program(tenant.teamId))).toBeNull();
    expect(await find('organization', program(tenant.ownerId))).toEqual({ name: 'organization' });
  });

  it('changes budgets below its account, never one that binds it', async () => {
    const update = (name: string, as = program(tenant.teamId)) =>
      server.ask(
        as,
        'mutation ($input: BudgetUpdateInput!) { budgetUpdate(input: $input) { userErrors { code } } }',
        {
          input: { id: encodeId('budget', budgets[name] ?? newUuid()), limit: '1' },
        },
      );
    expect((await update('child')).data).toEqual({ budgetUpdate: { userErrors: [] } });
    for (const name of ['own', 'own key'])
      expect((await update(name)).errors?.[0]?.extensions?.code).toBe('FORBIDDEN');
    for (const name of ['organization', 'root', 'beside']) {
      expect((await update(name)).data).toEqual({ budgetUpdate: { userErrors: [{ code: 'NOT_FOUND' }] } });
    }
  });

  it('adds budgets below its account and nowhere else', async () => {
    const create = (target: object) =>
      server.ask(
        program(tenant.teamId),
        'mutation ($input: BudgetCreateInput!) { budgetCreate(input: $input) { userErrors { code } } }',
        {
          input: {
            organizationId: encodeId('organization', tenant.organizationId),
            ...{ name: 'New', metric: 'REQUESTS', limit: '5', period: 'DAILY' },
            ...target,
          },
        },
      );
    expect((await create({ accountId: encodeId('account', childId) })).data).toEqual({
      budgetCreate: { userErrors: [] },
    });
    expect(
      (await create({ accountId: encodeId('account', tenant.teamId) })).errors?.[0]?.extensions?.code,
    ).toBe('FORBIDDEN');
    for (const target of [{}, { accountId: encodeId('account', besideId) }]) {
      expect((await create(target)).data).toEqual({
        budgetCreate: { userErrors: [{ code: 'TARGET_NOT_FOUND' }] },
      });
    }
  });

  it('is told of no other budget’s alerts as they are raised', async () => {
    const RAISED = `subscription ($organizationId: ID!) { budgetAlertRaised(organizationId: $organizationId) { budget { name } } }`;
    const organizationId = encodeId('organization', tenant.organizationId);
    const [all, own] = await Promise.all(
      [program(tenant.ownerId), program(tenant.teamId)].map((as) =>
        server.subscribe(as, RAISED, { organizationId }),
      ),
    );
    const namesOf = (subscription = all) =>
      subscription?.events.map(
        (event) => (event['budgetAlertRaised'] as { budget: { name: string } }).budget.name,
      );
    await addBudget('late organization', 'ORGANIZATION', tenant.organizationId);
    await addBudget('late own', 'ACCOUNT', tenant.teamId);
    // Subscriptions say nothing when they begin, so spending goes on until both were told.
    await expect
      .poll(
        async () => {
          await insertRow(
            owner,
            'billing.budgets',
            aBudget(tenant, 'ORGANIZATION', tenant.organizationId, {
              name: 'more organization',
              limit_amount: '1',
            }),
          );
          await insertRow(
            owner,
            'billing.budgets',
            aBudget(tenant, 'ACCOUNT', tenant.teamId, { name: 'more own', limit_amount: '1' }),
          );
          await appendAttempt(owner, tenant, { cost: 10n });
          return [
            namesOf(all)?.some((name) => name.endsWith('organization')),
            (namesOf(own)?.length ?? 0) > 0,
          ];
        },
        { timeout: 20_000, interval: 200 },
      )
      .toEqual([true, true]);
    expect(namesOf(own)?.every((name) => name.endsWith('own'))).toBe(true);
    all?.stop();
    own?.stop();
  });
});
