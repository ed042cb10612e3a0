import pg from 'pg';
import { Registry } from 'prom-client';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { createLogger } from '@weir/service/logger';
import { createProjector, type Projector } from '@weir/service/projector';
import { appendAttempt } from '@weir/testkit/postgres-attempts';
import { createTestDatabase, type TestDatabase } from '@weir/testkit/postgres';
import { seedTenant } from '@weir/testkit/postgres-tenant';
import { spendProjection } from '../test-projection.ts';
import { BILLING_PROJECTOR_ROLE } from './spend-projection.ts';

const SOON = { timeout: 20_000, interval: 5 };
const log = createLogger({ service: 'test', level: 'silent' });

let database: TestDatabase;
let owner: pg.Pool;

beforeAll(async () => {
  database = await createTestDatabase();
  owner = new pg.Pool({ connectionString: database.url });
});
afterAll(async () => {
  await owner.end();
  await database.drop();
});

function startProjector(registry = new Registry(), pollMs = 50): Projector {
  const projector = createProjector({
    url: database.url,
    role: BILLING_PROJECTOR_ROLE,
    projection: spendProjection(),
    registry,
    log,
    pollMs,
  });
  onTestFinished(() => projector.stop());
  return projector;
}

async function requestsOf(organizationId: string): Promise<number> {
  const { rows } = await owner.query<{ requests: number }>(
    `select coalesce(sum(requests), 0)::int as requests from billing.node_spend where node_id = $1`,
    [organizationId],
  );
  return rows[0]?.requests ?? 0;
}

const killLeader = () =>
  owner.query(
    `select pg_terminate_backend(a.pid) from pg_stat_activity a
     join pg_locks l on l.pid = a.pid and l.locktype = 'advisory' and l.granted
     where a.datname = current_database() and a.application_name = 'weir-projector-billing'`,
  );

describe('projectors', () => {
  it('are led by one, which another replaces when its connection is lost, and apply every row once', async () => {
    const tenant = await seedTenant(owner);
    const projectors = [startProjector(), startProjector(), startProjector()];
    const leaders = () => projectors.filter((projector) => projector.state() === 'leading').length;
    await expect.poll(leaders, SOON).toBe(1);
    for (let n = 1; n <= 60; n++) {
      await appendAttempt(owner, tenant);
      for (const projector of projectors) projector.wake();
      if (n % 20 === 0) await killLeader();
    }
    await expect.poll(() => requestsOf(tenant.organizationId), SOON).toBe(60);
    await expect.poll(leaders, SOON).toBe(1);
  });

  it('tell how far they are behind: the age of the oldest row that waits, 0 when none does', async () => {
    const registry = new Registry();
    const lag = async (): Promise<number> => {
      const metric = await registry.getSingleMetric('weir_projection_lag_seconds')?.get();
      return metric?.values[0]?.value ?? Number.NaN;
    };
    startProjector(registry);
    const tenant = await seedTenant(owner);
    const blocker = await owner.connect();
    await blocker.query('begin');
    await appendAttempt(blocker, tenant);
    await appendAttempt(owner, tenant);
    await expect.poll(lag, SOON).toBeGreaterThan(0);
    await blocker.query('commit');
    blocker.release();
    await expect.poll(lag, SOON).toBe(0);
    expect(await requestsOf(tenant.organizationId)).toBe(2);
  });

  it('stop when they are told to, whatever they are waiting for', async () => {
    const [leader, standby] = [startProjector(undefined, 60_000), startProjector(undefined, 60_000)];
    await expect
      .poll(() => [leader.state(), standby.state()].toSorted(), SOON)
      .toEqual(['leading', 'standby']);
    await Promise.all([leader.stop(), standby.stop()]);
    expect([leader.state(), standby.state()]).toEqual(['stopped', 'stopped']);
  });
});
