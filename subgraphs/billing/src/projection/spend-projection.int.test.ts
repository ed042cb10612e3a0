import pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { projectBatch, type Projection } from '@weir/service/projection-step';
import { appendAttempt } from '@weir/testkit/postgres-attempts';
import { createTestDatabase, type TestDatabase } from '@weir/testkit/postgres';
import { seedTenant, type Tenant } from '@weir/testkit/postgres-tenant';
import { connectProjector, projectAll, spendProjection } from '../test-projection.ts';

let database: TestDatabase;
let owner: pg.Pool;
let projector: pg.Client;
let tenant: Tenant;

beforeAll(async () => {
  database = await createTestDatabase();
  owner = new pg.Pool({ connectionString: database.url });
  owner.on('error', () => undefined);
  projector = await connectProjector(database.url);
});
afterAll(async () => {
  await projector.end();
  await owner.end();
  await database.drop();
});
beforeEach(async () => {
  tenant = await seedTenant(owner);
});

async function spendOf(nodeId: string): Promise<{ requests: number; tokens: number; cost: number }> {
  const { rows } = await owner.query<{ requests: number; tokens: number; cost: number }>(
    `select coalesce(sum(requests), 0)::int as requests, coalesce(sum(tokens), 0)::int as tokens,
            coalesce(sum(cost_nano), 0)::int as cost
     from billing.node_spend where node_id = $1`,
    [nodeId],
  );
  return rows[0] ?? { requests: -1, tokens: -1, cost: -1 };
}

describe('spend', () => {
  it('is added to the organization, to every account of the path and to the key', async () => {
    await appendAttempt(owner, tenant, { cost: 7n, inputTokens: 3, outputTokens: 2 });
    await appendAttempt(owner, tenant, { cost: 5n, inputTokens: 1, model: 'demo-large' });
    await projectAll(projector);
    for (const node of [tenant.organizationId, tenant.ownerId, tenant.teamId, tenant.apiKeyId]) {
      expect(await spendOf(node)).toEqual({ requests: 2, tokens: 6, cost: 12 });
    }
  });

  it('is not changed by intents, and by an adjustment only by its signed difference', async () => {
    const attemptId = await appendAttempt(owner, tenant, { kind: 'intent' });
    await appendAttempt(owner, tenant, { attemptId, kind: 'provisional', cost: 100n, inputTokens: 50 });
    await projectAll(projector);
    expect(await spendOf(tenant.apiKeyId)).toEqual({ requests: 1, tokens: 50, cost: 100 });
    await appendAttempt(owner, tenant, { attemptId, kind: 'adjusted', cost: -60n, inputTokens: -30 });
    await projectAll(projector);
    expect(await spendOf(tenant.apiKeyId)).toEqual({ requests: 1, tokens: 20, cost: 40 });
  });
});

describe('each row', () => {
  it('is applied at once when it is expected, and an expectation in vain is idle', async () => {
    const projection = spendProjection();
    await projectAll(projector);
    expect(await projectBatch(projector, projection, 10, true)).toEqual({ kind: 'idle' });
    await appendAttempt(owner, tenant, { cost: 7n });
    await expect
      .poll(() => projectBatch(projector, projection, 10, true), { timeout: 20_000, interval: 5 })
      .toEqual({ kind: 'applied', rows: 1 });
    expect(await spendOf(tenant.apiKeyId)).toMatchObject({ requests: 1, cost: 7 });
  });

  it('is applied once by projectors that run at the same time', async () => {
    for (let n = 0; n < 60; n++) await appendAttempt(owner, tenant, { cost: 1n, inputTokens: 2 });
    const others = await Promise.all([connectProjector(database.url), connectProjector(database.url)]);
    await Promise.all([projector, ...others].map((client) => projectAll(client, spendProjection(), 7)));
    await Promise.all(others.map((client) => client.end()));
    expect(await spendOf(tenant.organizationId)).toEqual({ requests: 60, tokens: 120, cost: 60 });
  });

  it('is applied once although the connection is killed after the batch and before the commit', async () => {
    for (let n = 0; n < 20; n++) await appendAttempt(owner, tenant, { cost: 3n });
    const real = spendProjection();
    const dying: Projection = {
      ...real,
      async apply(client, reading, limit) {
        const applied = await real.apply(client, reading, limit);
        const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid');
        await owner.query('select pg_terminate_backend($1)', [rows[0]?.pid]);
        return applied;
      },
    };
    const victim = await connectProjector(database.url);
    await expect
      .poll(
        () =>
          projectBatch(victim, dying, 5)
            .then(({ kind }) => kind)
            .catch(() => 'killed'),
        { timeout: 20_000, interval: 5 },
      )
      .toBe('killed');
    expect(await spendOf(tenant.organizationId)).toEqual({ requests: 0, tokens: 0, cost: 0 });
    await projectAll(projector);
    expect(await spendOf(tenant.organizationId)).toEqual({ requests: 20, tokens: 0, cost: 60 });
  });

  it('is applied although its transaction began first and commits last', async () => {
    const slow = await owner.connect();
    await slow.query('begin');
    await appendAttempt(slow, tenant, { cost: 1_000n });
    await appendAttempt(owner, tenant, { cost: 1n });
    await expect
      .poll(async () => (await projectBatch(projector, spendProjection(), 100)).kind)
      .toBe('blocked');
    expect(await spendOf(tenant.organizationId)).toMatchObject({ cost: 0 });
    await slow.query('commit');
    slow.release();
    await projectAll(projector);
    expect(await spendOf(tenant.organizationId)).toMatchObject({ cost: 1_001, requests: 2 });
  });
});
