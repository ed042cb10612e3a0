import pg from 'pg';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { projectBatch, type Projection } from '@weir/service/projection-step';
import { appendAttempt } from '@weir/testkit/postgres-attempts';
import { passGeneration } from '@weir/testkit/postgres-generations';
import { createTestDatabase, type TestDatabase } from '@weir/testkit/postgres';
import { seedTenant, type Tenant } from '@weir/testkit/postgres-tenant';
import { connectProjector, projectAll, spendProjection } from '../test-projection.ts';

const DAY_MS = 86_400_000;
const NOW_MS = Date.now();
/** Days that have a partition of their own, and one that has none. */
const AGES_DAYS = [0, 1, 400] as const;

let database: TestDatabase;
let owner: pg.Pool;
let projector: pg.Client;
let tenant: Tenant;

beforeAll(async () => {
  database = await createTestDatabase();
  owner = new pg.Pool({ connectionString: database.url });
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

const append = (ageDays: number, client: pg.ClientBase | pg.Pool = owner) =>
  appendAttempt(client, tenant, { cost: 1n, admittedAtMs: NOW_MS - ageDays * DAY_MS });

async function costOf(nodeId: string): Promise<number> {
  const { rows } = await owner.query<{ cost: number }>(
    'select coalesce(sum(cost_nano), 0)::int as cost from billing.node_spend where node_id = $1',
    [nodeId],
  );
  return rows[0]?.cost ?? -1;
}

/** The partitions that a batch locked, which are those that it opened. */
async function openedByBatch(): Promise<string[]> {
  const real = spendProjection();
  let opened: string[] = [];
  const watched: Projection = {
    ...real,
    async apply(client, reading, limit) {
      const applied = await real.apply(client, reading, limit);
      const { rows } = await client.query<{ name: string }>(
        `select distinct c.relname as name from pg_locks l join pg_class c on c.oid = l.relation
         where l.pid = pg_backend_pid() and c.relname like 'attempt\\_log\\_%' and c.relkind = 'r'`,
      );
      opened = rows.map(({ name }) => name);
      return applied;
    },
  };
  await projectAll(projector, watched);
  return opened;
}

const partitionOf = (ageDays: number): string =>
  `attempt_log_${new Date(NOW_MS - ageDays * DAY_MS).toISOString().slice(0, 10).replaceAll('-', '')}`;

it('opens only the partitions that can hold rows which are not applied yet', async () => {
  for (const age of AGES_DAYS) await append(age);
  await projectAll(projector);
  await passGeneration(owner);
  await append(0);
  await projectAll(projector);
  await append(0);
  expect(await openedByBatch()).toEqual([partitionOf(0)]);
  await append(1);
  expect((await openedByBatch()).toSorted()).toEqual([partitionOf(1), partitionOf(0)]);
});

it('walks a day in the order of the log, although a day that has only begun has no statistics', async () => {
  const real = spendProjection();
  let plan = '';
  const explained: Projection = {
    ...real,
    async apply(client, reading, limit) {
      const applied = await real.apply(client, reading, limit);
      const { rows: names } = await client.query<{ name: string }>(
        `select name from pg_prepared_statements where name like 'billing-apply%'`,
      );
      await client.query('set local plan_cache_mode to force_generic_plan');
      const { rows } = await client.query<{ 'QUERY PLAN': string }>(
        `explain (costs off) execute "${names[0]?.name ?? ''}"('0', 0, '1000', 1000)`,
      );
      plan = rows.map((row) => row['QUERY PLAN']).join('\n');
      return applied;
    },
  };
  const fresh = await connectProjector(database.url);
  await append(0);
  await projectAll(fresh, explained);
  await fresh.end();
  expect(plan).toMatch(new RegExp(`Index Scan using ${partitionOf(0)}_xid_seq_idx`));
});

it.each(AGES_DAYS)(
  'applies a row that is written %i days late exactly once, whatever was read before',
  async (age) => {
    await append(age);
    await projectAll(projector);
    await passGeneration(owner);
    await append(0);
    await projectAll(projector);
    await append(age);
    await projectAll(projector);
    await passGeneration(owner);
    await append(0);
    await projectAll(projector);
    expect(await costOf(tenant.organizationId)).toBe(4);
  },
);

it('applies a late row whose transaction began generations before it ended', async () => {
  const slow = await owner.connect();
  await slow.query('begin');
  await append(400, slow);
  await passGeneration(owner);
  await append(0);
  await expect
    .poll(async () => (await projectBatch(projector, spendProjection(), 100)).kind, { timeout: 20_000 })
    .toBe('blocked');
  await slow.query('commit');
  slow.release();
  await projectAll(projector);
  expect(await costOf(tenant.organizationId)).toBe(2);
});
