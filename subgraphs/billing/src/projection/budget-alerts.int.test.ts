import fc from 'fast-check';
import pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '@weir/kernel/clock';
import type { Uuid } from '@weir/kernel/ids';
import { createDatabase, type Database } from '@weir/prisma/database';
import { withTenant } from '@weir/prisma/tenant';
import { createLogger } from '@weir/service/logger';
import type { Projection } from '@weir/service/projection-step';
import { appendAttempt } from '@weir/testkit/postgres-attempts';
import { createTestDatabase, type TestDatabase } from '@weir/testkit/postgres';
import { seedSuccessor, seedTenant, type Tenant } from '@weir/testkit/postgres-tenant';
import { createBillingBootstrap, type BillingBootstrap } from '../bootstrap.ts';
import { thresholdsReached } from '../modules/budgets/budget.ts';
import { createBudgetReads } from '../modules/budgets/budget-reads.ts';
import { createBudgetStore, type BudgetChanges } from '../modules/budgets/budget-store.ts';
import { createBudgetService, type CreateBudgetInput } from '../modules/budgets/budget-service.ts';
import { connectProjector, projectAll, spendProjection } from '../test-projection.ts';
import { createTenantReader, type TenantReader } from '../tenant-reader.ts';
import { identityOf } from '../test-identity.ts';

let database: TestDatabase;
let owner: pg.Pool;
let projector: pg.Client;
let bootstrap: BillingBootstrap;
let db: Database;
let reader: TenantReader;
let tenant: Tenant;

beforeAll(async () => {
  database = await createTestDatabase();
  owner = new pg.Pool({ connectionString: database.url });
  projector = await connectProjector(database.url);
  bootstrap = createBillingBootstrap(database.url);
  db = createDatabase({ url: database.url, role: 'weir_billing' });
  reader = createTenantReader({
    url: database.url,
    log: createLogger({ service: 'test', level: 'silent' }),
  });
});
afterAll(async () => {
  await Promise.all([projector.end(), owner.end(), bootstrap.close(), db.$disconnect(), reader.close()]);
  await database.drop();
});
beforeEach(async () => {
  tenant = await seedTenant(owner);
});

function aBudget(overrides: Partial<CreateBudgetInput> = {}) {
  return bootstrap.createBudget({
    organizationId: tenant.organizationId,
    name: 'Team',
    metric: 'COST',
    limit: '0.000001',
    period: 'MONTHLY',
    ...overrides,
  });
}

async function spend(cost: bigint, more: Parameters<typeof appendAttempt>[2] = {}): Promise<void> {
  await appendAttempt(owner, tenant, { cost, ...more });
  await projectAll(projector);
}

/** `threshold@spent/limit` of each alert, in the order of their raising. */
async function alerts(budgetId: string): Promise<string[]> {
  const { rows } = await owner.query<{ text: string }>(
    `select threshold || '@' || spent || '/' || limit_amount as text from billing.budget_alerts
     where budget_id = $1 order by seq`,
    [budgetId],
  );
  return rows.map((row) => row.text);
}

describe('an alert', () => {
  it('of a budget on a key counts what the key consumes that it was rotated to', async () => {
    const { id } = await aBudget({ apiKeyId: tenant.apiKeyId });
    await spend(400n);
    const successor = await seedSuccessor(owner, tenant);
    await appendAttempt(owner, successor, { cost: 100n });
    await projectAll(projector);
    expect(await alerts(id)).toEqual(['50@500/1000']);
  });

  it('is raised when a threshold is reached, once per threshold, and all at once when one request crosses several', async () => {
    const { id } = await aBudget();
    await spend(499n);
    expect(await alerts(id)).toEqual([]);
    await spend(1n);
    expect(await alerts(id)).toEqual(['50@500/1000']);
    await spend(10n);
    await spend(490n);
    await spend(1n);
    expect(await alerts(id)).toEqual(['50@500/1000', '80@1000/1000', '100@1000/1000']);
  });

  it('is durable when it is told, although batches without one commit before they are', async () => {
    const spending = spendProjection();
    const commits: (string | undefined)[] = [];
    const observed: Projection = {
      ...spending,
      async apply(client, reading, limit) {
        const applied = await spending.apply(client, reading, limit);
        const { rows } = await client.query<{ synchronous_commit: string }>('show synchronous_commit');
        if (applied) commits.push(rows[0]?.synchronous_commit);
        return applied;
      },
    };
    await aBudget({ thresholds: [50] });
    const url = new URL(database.url);
    // Stands for what the server is set to; the tests' own commits as its projector does.
    url.searchParams.set('options', '-c synchronous_commit=local');
    const client = await connectProjector(url.href);
    await client.query('set synchronous_commit to off');
    for (const cost of [400n, 100n, 1n]) {
      await appendAttempt(owner, tenant, { cost });
      await projectAll(client, observed);
    }
    await client.end();
    expect(commits).toEqual(['off', 'local', 'off']);
  });

  it('is raised again for a new limit, and not when the limit returns to what it was', async () => {
    const service = createBudgetService({ db, reader, clock: systemClock });
    const { id } = await aBudget({ thresholds: [50] });
    const setLimit = (limit: string) => service.update(identityOf(tenant), { id, limit });
    await spend(500n);
    await setLimit('0.00001');
    expect(await alerts(id)).toEqual(['50@500/1000']);
    await spend(4_500n);
    await setLimit('0.000001');
    expect(await alerts(id)).toEqual(['50@500/1000', '50@5000/10000']);
  });

  it('is raised at once by a budget that is created, lowered or brought back after the spend', async () => {
    const service = createBudgetService({ db, reader, clock: systemClock });
    await spend(600n);
    const created = await aBudget({ thresholds: [50, 80] });
    expect(await alerts(created.id)).toEqual(['50@600/1000']);
    const { id } = await aBudget({ limit: '1', thresholds: [50] });
    await service.update(identityOf(tenant), { id, isArchived: true, limit: '0.0000001' });
    expect(await alerts(id)).toEqual([]);
    await service.update(identityOf(tenant), { id, isArchived: false });
    expect(await alerts(id)).toEqual(['50@600/100']);
  });

  it('belongs to the period of the rows, also when they come late', async () => {
    const { id } = await aBudget({ period: 'DAILY', thresholds: [100] });
    await spend(1_000n, { businessDate: '2026-01-31' });
    await spend(1_000n, { businessDate: '2026-02-01' });
    await spend(1_000n, { businessDate: '2026-01-31' });
    const { rows } = await owner.query<{ day: string }>(
      `select period_start::text as day from billing.budget_alerts where budget_id = $1 order by seq`,
      [id],
    );
    expect(rows.map((row) => row.day)).toEqual(['2026-01-31', '2026-02-01']);
  });

  it('counts what the budget counts: its node, its models, its metric', async () => {
    const byKey = await aBudget({
      apiKeyId: tenant.apiKeyId,
      metric: 'REQUESTS',
      limit: '2',
      thresholds: [100],
    });
    const byTeam = await aBudget({
      accountId: tenant.teamId,
      metric: 'TOKENS',
      limit: '10',
      thresholds: [100],
    });
    const byModel = await aBudget({ models: ['demo-l*'], thresholds: [100] });
    await spend(1_000n, { model: 'demo-small', inputTokens: 9 });
    expect(await Promise.all([byKey, byTeam, byModel].map(({ id }) => alerts(id)))).toEqual([[], [], []]);
    await spend(1_000n, { model: 'demo-large', outputTokens: 1 });
    expect(await Promise.all([byKey, byTeam, byModel].map(({ id }) => alerts(id)))).toEqual([
      ['100@2/2'],
      ['100@10/10'],
      ['100@1000/1000'],
    ]);
  });

  it('is never missed and never doubled, whatever order spend and budget come in', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.bigInt({ min: 1n, max: 600n }), { minLength: 1, maxLength: 6 }),
        fc.nat({ max: 6 }),
        async (costs, position) => {
          tenant = await seedTenant(owner);
          const appended = costs.map((cost) => () => appendAttempt(owner, tenant, { cost }));
          const created: { id: string }[] = [];
          const steps: (() => Promise<unknown>)[] = [...appended];
          steps.splice(position, 0, async () => created.push(await aBudget()));
          // Projecting goes on beside them, so a batch and the budget's creation meet in every way.
          await Promise.all([
            (async () => {
              for (const step of steps) await step();
            })(),
            projectAll(projector),
          ]);
          await projectAll(projector);
          const total = costs.reduce((sum, cost) => sum + cost, 0n);
          const raised = (await alerts(created[0]?.id ?? '')).map((text) => Number(text.split('@')[0]));
          expect(raised).toEqual(thresholdsReached(total, 1_000n, [50, 80, 100]));
        },
      ),
      { numRuns: 15 },
    );
  });
});

describe('row-level security', () => {
  it('lets a reader of one organization see nothing of another, whoever used its connection before', async () => {
    const { id } = await aBudget();
    const stranger = await seedTenant(owner);
    const seenBy = (organizationId: Uuid) =>
      reader.read(organizationId, (query) => createBudgetReads(query).find([id]));
    const reads = Array.from({ length: 40 }, (_, n) =>
      seenBy(n % 2 === 0 ? tenant.organizationId : stranger.organizationId),
    );
    const seen = (await Promise.all(reads)).map((budgets) => budgets.length);
    expect(seen).toEqual(seen.map((_, n) => (n % 2 === 0 ? 1 : 0)));
  });

  it('lets a reader write nothing, and use its connection again after a statement failed', async () => {
    const write = reader.read(tenant.organizationId, (query) => query('delete from billing.budgets', []));
    await expect(write).rejects.toThrow('read-only');
    expect(await reader.read(tenant.organizationId, (query) => createBudgetReads(query).find([]))).toEqual(
      [],
    );
  });

  it('shows billing no budget, spend or alert of another organization, and nothing without one', async () => {
    await aBudget();
    await spend(1_000n);
    const stranger = await seedTenant(owner);
    for (const organizationId of [stranger.organizationId, null]) {
      const seen = await withTenant(db, { organizationId }, async (tx) => [
        await tx.budget.count(),
        await tx.nodeSpend.count(),
        await tx.budgetAlert.count(),
      ]);
      expect(seen).toEqual([0, 0, 0]);
    }
  });

  it('lets nobody change a budget of another organization', async () => {
    const { id } = await aBudget();
    const stranger = await seedTenant(owner);
    const changes: BudgetChanges = { limit: 5n };
    await expect(
      withTenant(db, { organizationId: stranger.organizationId }, (tx) =>
        createBudgetStore(tx).update(id, changes),
      ),
    ).rejects.toThrow();
  });
});
