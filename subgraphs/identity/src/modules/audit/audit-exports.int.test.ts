import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { newUuid, type Uuid } from '@weir/kernel/ids';
import { createDatabase, type Database } from '@weir/prisma/database';
import { withTenant, type TenantScope } from '@weir/prisma/tenant';
import { createTestDatabase, type TestDatabase } from '@weir/testkit/postgres';
import { insertRow } from '@weir/testkit/postgres-tenant';
import { startTestIdentity } from '../../test-identity.ts';
import { createAuditExportStore } from './audit-export-store.ts';

const HOUR_MS = 3_600_000;

let database: TestDatabase;
let superuser: pg.Client;
let db: Database;
beforeAll(async () => {
  database = await createTestDatabase();
  superuser = new pg.Client({ connectionString: database.url });
  await superuser.connect();
  db = createDatabase({ url: database.url, role: 'weir_identity' });
});
afterAll(async () => {
  await Promise.all([db.$disconnect(), superuser.end()]);
  await database.drop();
});

async function addExport(organizationId: Uuid, expiresInMs: number): Promise<string> {
  const id = newUuid();
  await insertRow(superuser, 'audit.exports', {
    id,
    chain_id: organizationId,
    token_hash: randomBytes(32),
    format: 'CSV',
    conditions: '{}',
    events: 0,
    bytes: 0,
    sha256: randomBytes(32),
    created_by: 'test',
    created_at: new Date(),
    expires_at: new Date(Date.now() + expiresInMs),
  });
  return id;
}

const seenIn = (scope: TenantScope): Promise<string[]> =>
  withTenant(db, scope, async (tx) => {
    const rows = await tx.$queryRaw<{ id: string }[]>`select id from audit.exports order by id`;
    return rows.map(({ id }) => id);
  });

it('an export that expired is its organization’s alone until it is removed, whoever removes it', async () => {
  const [organizationId, other] = [newUuid(), newUuid()];
  const expired = await addExport(organizationId, -HOUR_MS);
  const valid = await addExport(organizationId, HOUR_MS);
  const others: readonly TenantScope[] = [
    {},
    { organizationId: other },
    { platform: true },
    { userId: newUuid() },
  ];
  for (const scope of others) {
    expect(await seenIn(scope)).toEqual([]);
    await withTenant(db, scope, (tx) => tx.$executeRaw`delete from audit.exports`);
  }
  expect(await seenIn({ organizationId })).toEqual([expired, valid].sort());

  await withTenant(db, { organizationId: other }, (tx) => createAuditExportStore(tx).removeExpired());
  expect(await seenIn({ organizationId })).toEqual([valid]);
});

it('the link of an export opens its file for 24 hours and not a moment longer', async () => {
  const identity = await startTestIdentity();
  try {
    const organization = await identity.organization();
    const owner = await identity.ownerOf(organization);
    const instant = (offsetMs: number): string => new Date(identity.now() + offsetMs).toISOString();
    const answer = await identity.graphql(
      `mutation ($input: AuditExportInput!) { auditExport(input: $input) { export { url expiresAt } userErrors { code } } }`,
      {
        input: {
          organizationId: organization.id,
          format: 'CSV',
          filter: { range: { start: instant(-HOUR_MS), end: instant(HOUR_MS) } },
        },
      },
      owner,
    );
    const { export: exported } = answer.data?.['auditExport'] as {
      readonly export: { readonly url: string; readonly expiresAt: string };
    };
    const token = exported.url.split('/').at(-1) ?? '';
    const untilMs = Date.parse(exported.expiresAt);
    expect(untilMs - identity.now()).toBeLessThanOrEqual(24 * HOUR_MS);
    identity.advance(untilMs - identity.now() - 60_000);
    const opened = await identity.downloadExport(token);
    expect([opened.status, (await opened.text()).split(',')[0]]).toEqual([200, 'sequence']);
    identity.advance(60_000);
    const refused = await identity.downloadExport(token);
    expect([refused.status, await refused.json()]).toMatchObject([404, { code: 'NOT_FOUND' }]);
  } finally {
    await identity.stop();
  }
});
