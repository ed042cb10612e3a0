import pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '@weir/testkit/postgres';
import { appendAttempt } from '@weir/testkit/postgres-attempts';
import { seedTenant, type Tenant } from '@weir/testkit/postgres-tenant';
import { differenceOf } from '../proof/proof.ts';
import { runProof } from '../proof/run-proof.ts';
import { connectProjector, projectAll } from '../test-projection.ts';
import { purgeUsage } from './purge-usage.ts';

const DAY_MS = 86_400_000;
const NOW_MS = Date.UTC(2026, 10, 20, 12);
const TODAY = '2026-11-20';
const RANGE = { first: '2010-01-01', end: '2099-01-01' };
/** Ages in days: within everybody's retention, beyond 30 days, beyond 400 days and 13 months, beyond 7 years. */
const AGES = [1, 31, 401, 2_600];

let database: TestDatabase;
let owner: pg.Pool;
let projector: pg.Client;

beforeAll(async () => {
  database = await createTestDatabase();
  owner = new pg.Pool({ connectionString: database.url });
  owner.on('error', () => undefined);
});
afterAll(async () => {
  await owner.end();
  await database.drop();
});
beforeEach(async () => {
  projector = await connectProjector(database.url);
  return () => projector.end();
});

async function keeps(tenant: Tenant, usageDays: number): Promise<void> {
  const settings = JSON.stringify({ retention: { usageDays } });
  await owner.query('update identity.organizations set settings = $2 where id = $1', [
    tenant.organizationId,
    settings,
  ]);
}

/** An organization with one request of each age. */
async function organization(usageDays?: number): Promise<Tenant> {
  const tenant = await seedTenant(owner);
  if (usageDays !== undefined) await keeps(tenant, usageDays);
  for (const age of AGES) {
    const admittedAtMs = NOW_MS - age * DAY_MS;
    await appendAttempt(owner, tenant, { admittedAtMs, cost: BigInt(age), inputTokens: 3 });
  }
  await projectAll(projector);
  return tenant;
}

/** Ages of the rows that are left of the organization itself. */
async function ages(tenant: Tenant): Promise<Record<'events' | 'hours' | 'days', number[]>> {
  const { rows } = await owner.query<Record<'events' | 'hours' | 'days', number[]>>(
    `select array(select $2::date - business_date from analytics.usage_events where organization_id = $1 order by 1) as events,
            array(select $2::date - (bucket at time zone 'UTC')::date from analytics.usage_hourly where node_id = $1 order by 1) as hours,
            array(select $2::date - bucket from analytics.usage_daily where node_id = $1 order by 1) as days`,
    [tenant.organizationId, TODAY],
  );
  return rows[0] ?? { events: [], hours: [], days: [] };
}

/** Tables of analytics whose sums are not what the log says; spend is not projected here. */
async function differing(): Promise<string[]> {
  const lines = await runProof(projector, RANGE);
  return lines
    .filter(({ keptIn }) => keptIn.startsWith('analytics.'))
    .filter((line) => [line.requests, line.tokens, line.cost].some((pair) => differenceOf(pair) !== 0n))
    .map(({ keptIn }) => keptIn);
}

async function purge(client: pg.Client, batchRows = 1_000) {
  const purged: Record<string, number> = {};
  const onPurged = (keptIn: string, rows: number) => {
    purged[keptIn] = (purged[keptIn] ?? 0) + rows;
  };
  const isDone = await purgeUsage(client, { today: TODAY, batchRows, onPurged, isStopping: () => false });
  return { isDone, purged };
}

async function logged(): Promise<string | undefined> {
  const { rows } = await owner.query<{ rows: string }>('select count(*) as rows from ledger.attempt_log');
  return rows[0]?.rows;
}

describe('usage older than its organization keeps', () => {
  it('goes, from each organization by its own setting, and the log and every sum stay right', async () => {
    const [unset, short, long] = [await organization(), await organization(30), await organization(3_650)];
    const before = await logged();
    const { isDone, purged } = await purge(projector, 2);
    expect(isDone).toBe(true);
    expect(await ages(unset)).toEqual({ events: [1, 31], hours: [1, 31], days: [1, 31, 401] });
    expect(await ages(short)).toEqual({ events: [1], hours: [1, 31], days: [1, 31, 401] });
    expect(await ages(long)).toEqual({ events: AGES, hours: AGES, days: AGES });
    // The organization, two accounts and the key have a row of each sum.
    expect(purged).toEqual({
      'analytics.usage_events': 5,
      'analytics.usage_hourly': 16,
      'analytics.usage_daily': 8,
    });
    expect(await logged()).toBe(before);
    expect(await differing()).toEqual([]);
  });

  it('stays gone when more is kept later, and what is lost beyond it is still told by the proof', async () => {
    const tenant = await organization(30);
    await purge(projector);
    await keeps(tenant, 400);
    await purge(projector);
    expect(await differing()).toEqual([]);
    await owner.query('delete from analytics.usage_events where organization_id = $1', [
      tenant.organizationId,
    ]);
    expect(await differing()).toEqual(['analytics.usage_events']);
    await owner.query('delete from analytics.usage_daily where organization_id = $1', [
      tenant.organizationId,
    ]);
    expect(await differing()).toEqual(['analytics.usage_daily', 'analytics.usage_events']);
  });

  it('is removed by one process at a time', async () => {
    const tenant = await organization(30);
    const other = await connectProjector(database.url);
    await purge(other);
    const late = await organization(30);
    expect(await purge(projector)).toEqual({ isDone: false, purged: {} });
    expect((await ages(late)).events).toEqual(AGES);
    await other.end();
    await expect.poll(async () => (await purge(projector)).isDone).toBe(true);
    expect([(await ages(tenant)).events, (await ages(late)).events]).toEqual([[1], [1]]);
  });

  it('can be removed in no other way, and not as of a day to come', async () => {
    await organization();
    await expect(projector.query('delete from analytics.usage_events')).rejects.toThrow('permission denied');
    await expect(
      purgeUsage(projector, {
        today: '2999-01-01',
        batchRows: 1,
        onPurged: () => undefined,
        isStopping: () => false,
      }),
    ).rejects.toThrow('in the future');
  });
});
