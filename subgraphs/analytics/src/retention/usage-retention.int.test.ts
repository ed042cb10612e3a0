import pg from 'pg';
import { Registry } from 'prom-client';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createLogger } from '@weir/service/logger';
import { createTestDatabase, type TestDatabase } from '@weir/testkit/postgres';
import { appendAttempt } from '@weir/testkit/postgres-attempts';
import { seedTenant } from '@weir/testkit/postgres-tenant';
import { connectProjector, projectAll } from '../test-projection.ts';
import { startUsageRetention } from './usage-retention.ts';

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;
/** At noon three days before the database's own day, as nothing is purged as of a day to come. */
const START_MS = (Math.floor(Date.now() / DAY_MS) - 3) * DAY_MS + 12 * 60 * MINUTE_MS;
const log = createLogger({ service: 'test', level: 'silent' });

let database: TestDatabase;
let owner: pg.Pool;
beforeAll(async () => {
  database = await createTestDatabase();
  owner = new pg.Pool({ connectionString: database.url });
  owner.on('error', () => undefined);
});
afterAll(async () => {
  await owner.end();
  await database.drop();
});

it('old usage goes ten minutes after the start and then once a day, for as long as the service runs', async () => {
  const tenant = await seedTenant(owner);
  await owner.query('update identity.organizations set settings = $2 where id = $1', [
    tenant.organizationId,
    JSON.stringify({ retention: { usageDays: 30 } }),
  ]);
  // Of three days in a row, the first of which is beyond the 30 when the service starts.
  for (const daysLater of [0, 1, 2]) {
    await appendAttempt(owner, tenant, { admittedAtMs: START_MS - (31 - daysLater) * DAY_MS });
  }
  const projector = await connectProjector(database.url);
  await projectAll(projector);
  await projector.end();
  const left = async (): Promise<number> =>
    (
      await owner.query('select from analytics.usage_events where organization_id = $1', [
        tenant.organizationId,
      ])
    ).rowCount ?? 0;

  let nowMs = START_MS;
  /** What the service waits for, in turn; each wait is over when the test says so. */
  const waits: { readonly ms: number; end(): void }[] = [];
  const { promise: stopped, resolve: onStopped } = Promise.withResolvers<void>();
  const retention = startUsageRetention({
    url: database.url,
    clock: { now: () => nowMs },
    registry: new Registry(),
    log,
    wait: (ms, signal) =>
      new Promise((resolve) => {
        signal.addEventListener('abort', () => {
          onStopped();
          resolve();
        });
        waits.push({
          ms,
          end() {
            nowMs += ms;
            resolve();
          },
        });
      }),
  });
  const next = async (count: number) => {
    await expect.poll(() => waits.length).toBe(count);
    return waits[count - 1];
  };

  const first = await next(1);
  expect([first?.ms, await left()]).toEqual([10 * MINUTE_MS, 3]);
  first?.end();
  for (const [count, rows] of [
    [2, 2],
    [3, 1],
    [4, 0],
  ] as const) {
    const wait = await next(count);
    expect([wait?.ms, await left()]).toEqual([DAY_MS, rows]);
    if (count < 4) wait?.end();
  }
  await retention.stop();
  await stopped;
  expect(waits).toHaveLength(4);
});
