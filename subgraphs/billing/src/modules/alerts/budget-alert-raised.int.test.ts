import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { InternalIdentity } from '@weir/contracts/internal-identity';
import { encodeId } from '@weir/kernel/ids';
import { appendAttempt } from '@weir/testkit/postgres-attempts';
import { createTestDatabase, type TestDatabase } from '@weir/testkit/postgres';
import { seedTenant, type Tenant } from '@weir/testkit/postgres-tenant';
import { createBillingBootstrap, type BillingBootstrap } from '../../bootstrap.ts';
import { identityOf } from '../../test-identity.ts';
import { startTestServer, type Subscription, type TestServer } from '../../test-server.ts';

/** How long something that must happen may take on a busy machine; it says nothing of how long it takes. */
const SOON = { timeout: 20_000, interval: 5 };

const RAISED = `subscription ($organizationId: ID!, $after: ID) {
  budgetAlertRaised(organizationId: $organizationId, after: $after) {
    id threshold organization { id } spent { value money { amount currency } } limit { value } periodStart
    budget { name status spent { value } }
  }
}`;

let database: TestDatabase;
let owner: pg.Pool;
let bootstrap: BillingBootstrap;
let server: TestServer;
let tenant: Tenant;
let identity: InternalIdentity;

beforeAll(async () => {
  database = await createTestDatabase();
  owner = new pg.Pool({ connectionString: database.url });
  bootstrap = createBillingBootstrap(database.url);
  server = await startTestServer(database.url);
});
afterAll(async () => {
  await server.stop();
  await Promise.all([owner.end(), bootstrap.close()]);
  await database.drop();
});
beforeEach(async () => {
  tenant = await seedTenant(owner);
  identity = identityOf(tenant);
  await bootstrap.createBudget({
    organizationId: tenant.organizationId,
    name: 'Team',
    metric: 'COST',
    limit: '0.0000001',
    period: 'MONTHLY',
    thresholds: [10, 20, 30, 40, 50],
  });
});

afterEach(async () => {
  for (const subscription of open.splice(0)) subscription.stop();
  await expect.poll(subscribers, SOON).toBe(0);
});

const open: Subscription[] = [];

async function watch(after?: string, as = identity): Promise<Subscription> {
  const organizationId = encodeId('organization', tenant.organizationId);
  const subscription = await server.subscribe(as, RAISED, { organizationId, after });
  open.push(subscription);
  return subscription;
}

const raise = (): Promise<unknown> => appendAttempt(owner, tenant, { cost: 10n });
const thresholdsOf = ({ events }: Subscription) =>
  events.map((event) => (event['budgetAlertRaised'] as { threshold: number }).threshold);
const idOf = ({ events }: Subscription, index: number) =>
  (events[index]?.['budgetAlertRaised'] as { id: string }).id;

const subscribers = (): Promise<number> => metric('weir_budget_alert_subscribers');

/** A subscription says nothing when it begins; the service's own count tells that it has. */
async function listening(after?: string): Promise<Subscription> {
  const before = await subscribers();
  const subscription = await watch(after);
  await expect.poll(subscribers, SOON).toBe(before + 1);
  return subscription;
}

async function metric(name: string): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${server.running.ports.admin}/metrics`)).text();
  return Number(new RegExp(`^${name}\\{[^}]*\\} (.*)$`, 'm').exec(text)?.[1] ?? Number.NaN);
}

describe('budgetAlertRaised', () => {
  it('tells a subscriber of each threshold with the budget as it stands then', async () => {
    const subscription = await listening();
    await raise();
    await expect.poll(() => subscription.events.length, SOON).toBe(1);
    expect(subscription.events[0]).toMatchObject({
      budgetAlertRaised: {
        threshold: 10,
        organization: { id: encodeId('organization', tenant.organizationId) },
        spent: { value: '0.00000001', money: { amount: '0.00000001', currency: 'USD' } },
        limit: { value: '0.0000001' },
        budget: { name: 'Team', status: 'WARN', spent: { value: '0.00000001' } },
      },
    });
    await raise();
    await expect.poll(() => thresholdsOf(subscription), SOON).toEqual([10, 20]);
  });

  it('replays what came after the given alert and goes on live without a gap or a repetition', async () => {
    const first = await listening();
    await raise();
    await expect.poll(() => first.events.length, SOON).toBe(1);
    const seen = idOf(first, 0);
    first.stop();
    await expect.poll(subscribers, SOON).toBe(0);
    await raise();
    await raise();
    const second = await watch(seen);
    await expect.poll(() => thresholdsOf(second), SOON).toEqual([20, 30]);
    await raise();
    await raise();
    await expect.poll(() => thresholdsOf(second), SOON).toEqual([20, 30, 40, 50]);
    const replayed = await watch(seen);
    await expect.poll(() => thresholdsOf(replayed), SOON).toEqual([20, 30, 40, 50]);
  });

  it('misses nothing and repeats nothing when its connections to the database are cut', async () => {
    const subscription = await listening();
    for (let count = 1; count <= 5; count++) {
      await raise();
      if (count % 2 === 1) {
        await owner.query(
          `select pg_terminate_backend(pid) from pg_stat_activity
           where datname = current_database() and application_name ~ '^weir-(billing-listener|projector)'`,
        );
      }
    }
    await expect.poll(() => thresholdsOf(subscription), SOON).toEqual([10, 20, 30, 40, 50]);
  });

  it('looks absent to members of other organizations and is refused without the permission', async () => {
    const stranger = identityOf(await seedTenant(owner));
    const refused = await watch(undefined, stranger);
    await expect.poll(() => refused.errors, SOON).toMatchObject([{ extensions: { code: 'NOT_FOUND' } }]);
    const unpermitted = await watch(undefined, identityOf(tenant, ['org.read']));
    await expect.poll(() => unpermitted.errors, SOON).toMatchObject([{ extensions: { code: 'FORBIDDEN' } }]);
  });

  it('refuses an alert of another organization as the place to go on from', async () => {
    const first = await listening();
    await raise();
    await expect.poll(() => first.events.length, SOON).toBe(1);
    const foreign = idOf(first, 0);
    first.stop();
    const stranger = await seedTenant(owner);
    const refused = await server.subscribe(identityOf(stranger), RAISED, {
      organizationId: encodeId('organization', stranger.organizationId),
      after: foreign,
    });
    await expect.poll(() => refused.errors, SOON).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT' } }]);
  });

  it('ends when the session of the subscriber ends', async () => {
    const subscription = await listening();
    if (identity.actor.type !== 'user') throw new Error('a person is needed');
    const { sessionId, userId } = identity.actor;
    await owner.query(`select pg_notify('session', $1)`, [JSON.stringify({ sessionId, userId })]);
    await expect
      .poll(() => subscription.errors, SOON)
      .toMatchObject([{ extensions: { code: 'UNAUTHENTICATED' } }]);
  });
});

describe('Organization.budgetAlerts', () => {
  it('pages through the alerts, latest first', async () => {
    for (let count = 0; count < 5; count++) await raise();
    const query = `query ($id: ID!, $after: String) {
      _entities(representations: [{ __typename: "Organization", id: $id }]) {
        ... on Organization {
          budgetAlerts(first: 2, after: $after) { nodes { threshold budget { name } } pageInfo { hasNextPage endCursor } }
        }
      }
    }`;
    interface Page {
      nodes: { threshold: number }[];
      pageInfo: { hasNextPage: boolean; endCursor: string };
    }
    const pageAfter = async (after?: string): Promise<Page> => {
      const id = encodeId('organization', tenant.organizationId);
      const { data } = await server.ask(identity, query, { id, after });
      return (data?.['_entities'] as { budgetAlerts: Page }[])[0]?.budgetAlerts as Page;
    };
    await expect.poll(async () => (await pageAfter()).nodes[0]?.threshold, SOON).toBe(50);
    const thresholds: number[] = [];
    for (let after: string | undefined; ;) {
      const page = await pageAfter(after);
      thresholds.push(...page.nodes.map((node) => node.threshold));
      after = page.pageInfo.endCursor;
      if (!page.pageInfo.hasNextPage) break;
    }
    expect(thresholds).toEqual([50, 40, 30, 20, 10]);
  });
});
