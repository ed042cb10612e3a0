import fc from 'fast-check';
import pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { newUuid, type Uuid } from '@weir/kernel/ids';
import { projectBatch, type Projection } from '@weir/service/projection-step';
import { appendAttempt, type TestAttempt } from '@weir/testkit/postgres-attempts';
import { createTestDatabase, type TestDatabase } from '@weir/testkit/postgres';
import { seedTenant, type Tenant } from '@weir/testkit/postgres-tenant';
import { isProven } from '../proof/proof.ts';
import { runProof } from '../proof/run-proof.ts';
import { connectProjector, projectAll, SOON } from '../test-projection.ts';
import { usageProjection } from './usage-projection.ts';

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

const RANGE = { first: '2020-01-01', end: '2099-01-01' };

interface Sums {
  requests: number;
  errors: number;
  tokens: number;
  cost: number;
}

async function sums(table: 'usage_hourly' | 'usage_daily', nodeId: Uuid): Promise<Sums | undefined> {
  const { rows } = await owner.query<Sums>(
    `select coalesce(sum(requests), 0)::int as requests, coalesce(sum(errors), 0)::int as errors,
            coalesce(sum(input_tokens + output_tokens), 0)::int as tokens, coalesce(sum(cost_nano), 0)::int as cost
     from analytics.${table} where node_id = $1`,
    [nodeId],
  );
  return rows[0];
}

async function event(attemptId: Uuid): Promise<unknown> {
  const { rows } = await owner.query(
    `select status, cost_nano::int as cost, input_tokens::int as input, latency_ms as latency
     from analytics.usage_events where attempt_id = $1`,
    [attemptId],
  );
  return rows[0];
}

describe('usage', () => {
  it('is kept per attempt, and per hour and day of the organization, each account and the key', async () => {
    await appendAttempt(owner, tenant, { cost: 7n, inputTokens: 3, outputTokens: 2 });
    await appendAttempt(owner, tenant, { cost: 1n, status: 'TIMEOUT', model: 'demo-large' });
    await appendAttempt(owner, tenant, { kind: 'intent' });
    await projectAll(projector);
    for (const node of [tenant.organizationId, tenant.ownerId, tenant.teamId, tenant.apiKeyId]) {
      const expected = { requests: 2, errors: 1, tokens: 5, cost: 8 };
      expect([await sums('usage_hourly', node), await sums('usage_daily', node)]).toEqual([
        expected,
        expected,
      ]);
    }
  });

  it.each(['in one batch', 'in batches of their own', 'the correction first'])(
    'is corrected by an adjustment: %s',
    async (order) => {
      const attemptId = newUuid();
      const close: TestAttempt = {
        attemptId,
        kind: 'provisional',
        status: 'UNKNOWN',
        cost: 100n,
        inputTokens: 50,
        latencyMs: 1,
      };
      const adjust: TestAttempt = {
        attemptId,
        kind: 'adjusted',
        status: 'TIMEOUT',
        cost: -60n,
        inputTokens: -30,
        latencyMs: 9,
      };
      const rows = order === 'the correction first' ? [adjust, close] : [close, adjust];
      for (const row of rows) await appendAttempt(owner, tenant, row);
      await projectAll(projector, order === 'in one batch' ? 100 : 1);
      expect(await event(attemptId)).toEqual({ status: 'TIMEOUT', cost: 40, input: 20, latency: 9 });
      expect(await sums('usage_daily', tenant.apiKeyId)).toEqual({
        requests: 1,
        errors: 1,
        tokens: 20,
        cost: 40,
      });
    },
  );

  it('counts an attempt in the hour of its admission and on its business date', async () => {
    const admittedAtMs = Date.UTC(2026, 10, 20, 23, 59, 59, 999);
    await appendAttempt(owner, tenant, { admittedAtMs, businessDate: '2026-11-21' });
    await projectAll(projector);
    const { rows } = await owner.query<{ hour: string; day: string }>(
      `select (select to_char(bucket at time zone 'UTC', 'YYYY-MM-DD HH24:MI') from analytics.usage_hourly where node_id = $1) as hour,
              (select bucket::text from analytics.usage_daily where node_id = $1) as day`,
      [tenant.apiKeyId],
    );
    expect(rows).toEqual([{ hour: '2026-11-20 23:00', day: '2026-11-21' }]);
  });

  it('is exactly what the log says, whatever attempts come in whatever batches', async () => {
    const step = fc.record({
      cost: fc.bigInt({ min: 0n, max: 1_000n }),
      inputTokens: fc.nat({ max: 1_000 }),
      status: fc.constantFrom('SUCCESS', 'ERROR', 'ABORTED', 'INCOMPLETE'),
      correction: fc.option(fc.bigInt({ min: -1_000n, max: 1_000n })),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 8 }),
        fc.integer({ min: 1, max: 5 }),
        async (steps, limit) => {
          tenant = await seedTenant(owner);
          for (const { correction, ...close } of steps) {
            const kind = correction === null ? 'settled' : 'provisional';
            const attemptId = await appendAttempt(owner, tenant, { ...close, kind });
            if (correction !== null) {
              await appendAttempt(owner, tenant, { attemptId, kind: 'adjusted', cost: correction });
            }
          }
          await projectAll(projector, limit);
          const { rows } = await owner.query<Sums>(
            `select count(*) filter (where class = 'close')::int as requests, coalesce(sum(cost), 0)::int as cost,
                  coalesce(sum(input_tokens), 0)::int as tokens
           from ledger.attempt_log where organization_id = $1`,
            [tenant.organizationId],
          );
          const errors = steps.filter(
            ({ status, correction }) =>
              correction === null && (status === 'ERROR' || status === 'INCOMPLETE'),
          ).length;
          expect(await sums('usage_hourly', tenant.organizationId)).toEqual({ ...rows[0], errors });
          expect(await sums('usage_daily', tenant.teamId)).toEqual({ ...rows[0], errors });
          expect(isProven(await runProof(projector, RANGE))).toBe(true);
        },
      ),
      { numRuns: 12 },
    );
  });
});

describe('each row', () => {
  it('is applied once by projectors that run at the same time and one that is killed in the middle', async () => {
    for (let n = 0; n < 40; n++) await appendAttempt(owner, tenant, { cost: 1n, inputTokens: 2 });
    const dying: Projection = {
      ...usageProjection,
      async apply(client, reading, limit) {
        const applied = await usageProjection.apply(client, reading, limit);
        const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid');
        await owner.query('select pg_terminate_backend($1)', [rows[0]?.pid]);
        return applied;
      },
    };
    const [victim, other] = await Promise.all([
      connectProjector(database.url),
      connectProjector(database.url),
    ]);
    const kill = () =>
      projectBatch(victim, dying, 7)
        .then(({ kind }) => kind)
        .catch(() => 'killed');
    await expect.poll(kill, SOON).toBe('killed');
    expect(await sums('usage_daily', tenant.organizationId)).toMatchObject({ requests: 0 });
    await Promise.all([projectAll(projector, 7), projectAll(other, 5)]);
    await other.end();
    expect(await sums('usage_daily', tenant.organizationId)).toEqual({
      requests: 40,
      errors: 0,
      tokens: 80,
      cost: 40,
    });
  });
});

describe('the proof', () => {
  it('holds while rows wait to be projected, and names the table whose sums were changed', async () => {
    await appendAttempt(owner, tenant, { cost: 5n, inputTokens: 1 });
    await projectAll(projector);
    await appendAttempt(owner, tenant, { cost: 9n });
    expect(isProven(await runProof(projector, RANGE))).toBe(true);
    await owner.query('update analytics.usage_daily set cost_nano = cost_nano + 1 where node_id = $1', [
      tenant.organizationId,
    ]);
    const lines = await runProof(projector, RANGE);
    expect(lines.filter((line) => !isProven([line])).map((line) => line.keptIn)).toEqual([
      'analytics.usage_daily',
    ]);
  });
});
