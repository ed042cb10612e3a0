import pg from 'pg';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { createDatabase, type Database } from '@weir/prisma/database';
import { withTenant } from '@weir/prisma/tenant';
import { appendAttempt } from '@weir/testkit/postgres-attempts';
import { createTestDatabase, type TestDatabase } from '@weir/testkit/postgres';
import { seedTenant, type Tenant } from '@weir/testkit/postgres-tenant';
import { connectProjector, projectAll } from '../../test-projection.ts';
import { createKeyUseStore, type KeyUse } from './key-use-store.ts';

const HOUR_MS = 3_600_000;

let database: TestDatabase;
let owner: pg.Pool;
let projector: pg.Client;
let db: Database;
let tenant: Tenant;

beforeAll(async () => {
  database = await createTestDatabase();
  owner = new pg.Pool({ connectionString: database.url });
  owner.on('error', () => undefined);
  projector = await connectProjector(database.url);
  db = createDatabase({ url: database.url, role: 'weir_analytics', max: 1 });
});
afterAll(async () => {
  await db.$disconnect();
  await projector.end();
  await owner.end();
  await database.drop();
});
beforeEach(async () => {
  tenant = await seedTenant(owner);
});

async function used(as: Tenant = tenant): Promise<KeyUse | undefined> {
  await projectAll(projector);
  const { organizationId } = as;
  const uses = await withTenant(db, { organizationId }, (tx) =>
    createKeyUseStore(tx).byIds([tenant.apiKeyId]),
  );
  return uses.get(tenant.apiKeyId);
}

it('a key was last used at its latest attempt, in whatever order attempts arrive', async () => {
  expect(await used()).toBeUndefined();
  const nowMs = Date.now();
  const appendAt = (admittedAtMs: number) => appendAttempt(owner, tenant, { admittedAtMs });
  await appendAt(nowMs - 2 * HOUR_MS);
  await used();
  await appendAt(nowMs - 1_000);
  await used();
  await appendAt(nowMs - 60_000);
  expect((await used())?.lastUsedAt).toEqual(new Date(nowMs - 1_000));
});

it('requests count that are at most 24 hours old, by the hour', async () => {
  const nowMs = Date.now();
  for (const ageHours of [0, 1, 22, 25, 48]) {
    await appendAttempt(owner, tenant, { admittedAtMs: nowMs - ageHours * HOUR_MS });
  }
  expect((await used())?.requestsIn24Hours).toBe(3n);
});

it('nothing is told of the keys of another organization', async () => {
  await appendAttempt(owner, tenant, {});
  expect(await used()).toBeDefined();
  expect(await used(await seedTenant(owner))).toBeUndefined();
});
