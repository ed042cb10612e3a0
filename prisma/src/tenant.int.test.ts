import { randomBytes } from 'node:crypto';
import { newUuid, type Uuid } from '@weir/kernel/ids';
import { createTestDatabase, type TestDatabase } from '@weir/testkit/postgres';
import { insertRow, seedTenant, type Tenant } from '@weir/testkit/postgres-tenant';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createDatabase, DATABASE_ROLES, type Database } from './database.ts';
import { withTenant } from './tenant.ts';

interface TenantTable {
  readonly role: string;
  readonly name: string;
  /** The column that says whose row it is. */
  readonly tenantColumn: string;
  readonly hasRowSecurity: boolean;
  readonly isInsertable: boolean;
}

/** Every table with rows of a tenant that one of the services' roles can read; read from the catalogue. */
const TENANT_TABLES = `
  select r.rolname as role, n.nspname || '.' || c.relname as name, a.attname as "tenantColumn",
         c.relrowsecurity as "hasRowSecurity",
         has_table_privilege(r.oid, c.oid, 'INSERT') as "isInsertable"
  from pg_class c
  join pg_namespace n on n.oid = c.relnamespace
  join pg_attribute a on a.attrelid = c.oid and not a.attisdropped and a.attnum > 0
  cross join pg_roles r
  where c.relkind in ('r', 'p') and not c.relispartition and r.rolname = any ($1)
    and n.nspname not in ('pg_catalog', 'information_schema')
    and (a.attname = 'organization_id' or (n.nspname || '.' || c.relname = 'identity.organizations' and a.attname = 'id'))
    and has_table_privilege(r.oid, c.oid, 'SELECT')
  order by 1, 2`;

/** Reads across tenants on purpose: it folds every organization's attempts. */
const isProjector = (role: string): boolean => role.endsWith('_projector');

let database: TestDatabase;
let owner: pg.Client;
let one: Tenant;
let other: Tenant;
let tables: readonly TenantTable[];

/** One row of a tenant in every table that `seedTenant` leaves empty. */
async function fillRemainingTables(tenant: Tenant): Promise<void> {
  const { organizationId, ownerId, apiKeyId } = tenant;
  const userId = newUuid();
  const budgetId = newUuid();
  const sealed = { ciphertext: 'c2VhbGVk', nonce: 'bm9uY2U=' };
  const usage = { organization_id: organizationId, model: 'demo', provider: 'openai' };
  const rows: readonly (readonly [string, Record<string, unknown>])[] = [
    ['identity.users', { id: userId, email: `${userId}@example.com`, display_name: 'Person' }],
    [
      'identity.memberships',
      { id: newUuid(), organization_id: organizationId, user_id: userId, role: 'OWNER' },
    ],
    [
      'identity.sessions',
      {
        id: newUuid(),
        organization_id: organizationId,
        user_id: userId,
        refresh_token_hash: randomBytes(32),
        expires_at: new Date(Date.now() + 60_000),
      },
    ],
    ['identity.owner_keys', { owner_id: ownerId, organization_id: organizationId, ...sealed }],
    [
      'identity.provider_keys',
      {
        id: newUuid(),
        organization_id: organizationId,
        owner_id: ownerId,
        name: 'Key',
        provider: 'openai',
        base_url: 'https://example.com/v1',
        ...sealed,
      },
    ],
    [
      'identity.models',
      {
        id: newUuid(),
        organization_id: organizationId,
        name: 'demo',
        context_tokens: 1,
        max_output_tokens: 1,
      },
    ],
    [
      'billing.prices',
      { id: newUuid(), organization_id: organizationId, model: 'demo', valid_from: new Date() },
    ],
    [
      'billing.budgets',
      {
        id: budgetId,
        organization_id: organizationId,
        node_kind: 'ORGANIZATION',
        node_id: organizationId,
        name: 'Budget',
        metric: 'COST',
        limit_amount: '1',
        period: 'DAILY',
        enforcement: 'BLOCK',
      },
    ],
    [
      'billing.node_spend',
      {
        organization_id: organizationId,
        node_id: organizationId,
        model: 'demo',
        business_date: '2026-01-01',
      },
    ],
    [
      'billing.budget_alerts',
      {
        id: newUuid(),
        organization_id: organizationId,
        budget_id: budgetId,
        period_start: '2026-01-01',
        threshold: 50,
        limit_amount: '1',
        spent: '1',
      },
    ],
    [
      'analytics.usage_events',
      {
        attempt_id: newUuid(),
        request_id: newUuid(),
        attempt_number: 1,
        organization_id: organizationId,
        account_id: ownerId,
        account_path: [ownerId],
        api_key_id: apiKeyId,
        model_requested: 'demo',
        model_effective: 'demo',
        provider: 'openai',
        provider_key_id: newUuid(),
        decision: 'PRIMARY',
        endpoint: '/v1/chat/completions',
        stream: false,
        business_date: '2026-01-01',
        admitted_at: new Date(),
        metering_source: 'PROVIDER',
        status: 'SUCCESS',
      },
    ],
    [
      'analytics.usage_hourly',
      { ...usage, node_kind: 'ORGANIZATION', node_id: organizationId, bucket: '2026-01-01T00:00:00Z' },
    ],
    [
      'analytics.usage_daily',
      { ...usage, node_kind: 'ORGANIZATION', node_id: organizationId, bucket: '2026-01-01' },
    ],
  ];
  for (const [table, row] of rows) await insertRow(owner, table, row);
}

beforeAll(async () => {
  database = await createTestDatabase();
  owner = new pg.Client({ connectionString: database.url });
  await owner.connect();
  one = await seedTenant(owner);
  other = await seedTenant(owner);
  for (const tenant of [one, other]) await fillRemainingTables(tenant);
  tables = (await owner.query<TenantTable>(TENANT_TABLES, [DATABASE_ROLES])).rows;
});

afterAll(async () => {
  await owner.end();
  await database.drop();
});

async function organizationsSeen(table: TenantTable, scope: Uuid | ''): Promise<(string | null)[]> {
  const session = new pg.Client({ connectionString: database.url, options: `-c role=${table.role}` });
  await session.connect();
  try {
    await session.query(`select set_config('app.organization_id', $1, false)`, [scope]);
    const { rows } = await session.query<{ tenant: string | null }>(
      `select distinct ${table.tenantColumn} as tenant from ${table.name}`,
    );
    return rows.map((row) => row.tenant);
  } finally {
    await session.end();
  }
}

describe('row-level security', () => {
  it('is on for every table with an organization that a service can read', () => {
    expect(tables.length).toBeGreaterThan(10);
    expect(tables.filter((table) => !table.hasRowSecurity)).toEqual([]);
  });

  it("shows a service only the current organization's rows, in every tenant table", async () => {
    for (const table of tables.filter(({ role }) => !isProjector(role))) {
      const seen = (await organizationsSeen(table, one.organizationId)).filter((id) => id !== null);
      expect({ table: table.name, seen }).toEqual({ table: table.name, seen: [one.organizationId] });
    }
  });

  it('shows nothing of any tenant while no organization is set', async () => {
    for (const table of tables.filter(({ role }) => !isProjector(role))) {
      const seen = (await organizationsSeen(table, '')).filter((id) => id !== null);
      expect({ table: table.name, seen }).toEqual({ table: table.name, seen: [] });
    }
  });

  it("refuses to move a row into, or out of, another organization's hands", async () => {
    for (const table of tables.filter(({ role, isInsertable }) => !isProjector(role) && isInsertable)) {
      const session = new pg.Client({ connectionString: database.url, options: `-c role=${table.role}` });
      await session.connect();
      try {
        await session.query(`select set_config('app.organization_id', $1, false)`, [one.organizationId]);
        const moved = session.query(`update ${table.name} set ${table.tenantColumn} = $1`, [
          other.organizationId,
        ]);
        await expect(moved, table.name).rejects.toThrow(/row-level security|permission denied/);
      } finally {
        await session.end();
      }
    }
  });
});

describe('withTenant', () => {
  let identity: Database;

  beforeAll(() => {
    identity = createDatabase({ url: database.url, role: 'weir_identity', max: 2 });
  });
  afterAll(() => identity.$disconnect());

  it('sees its organization and forgets it with the transaction', async () => {
    const ids = await withTenant(identity, { organizationId: one.organizationId }, (tx) =>
      tx.account.findMany({ select: { organizationId: true } }),
    );
    expect(new Set(ids.map((row) => row.organizationId))).toEqual(new Set([one.organizationId]));
    expect(await identity.account.count()).toBe(0);
  });

  it("makes another organization's row look absent, by its id too", async () => {
    const found = await withTenant(identity, { organizationId: one.organizationId }, (tx) =>
      tx.account.findUnique({ where: { id: other.teamId } }),
    );
    expect(found).toBeNull();
  });

  it('lets a person find their own memberships and organizations before one is chosen', async () => {
    const { rows } = await owner.query<{ user_id: string }>(
      'select user_id from identity.memberships where organization_id = $1',
      [one.organizationId],
    );
    const userId = rows[0]?.user_id ?? '';
    const seen = await withTenant(identity, { userId }, async (tx) => ({
      memberships: await tx.membership.count(),
      organizations: await tx.organization.findMany({ select: { id: true } }),
      users: await tx.user.count(),
    }));
    expect(seen).toEqual({ memberships: 1, organizations: [{ id: one.organizationId }], users: 1 });
  });

  it('finds exactly the row that a presented credential belongs to', async () => {
    const credential = one.keyHash.toString('hex');
    const keys = await withTenant(identity, { credential }, (tx) =>
      tx.apiKey.findMany({ select: { id: true } }),
    );
    expect(keys).toEqual([{ id: one.apiKeyId }]);
  });

  it('undoes everything when the work fails', async () => {
    const work = withTenant(identity, { organizationId: one.organizationId }, async (tx) => {
      await tx.account.update({ where: { id: one.teamId }, data: { name: 'Renamed' } });
      throw new Error('changed my mind');
    });
    await expect(work).rejects.toThrow('changed my mind');
    const { rows } = await owner.query('select name from identity.accounts where id = $1', [one.teamId]);
    expect(rows).toEqual([{ name: 'Team' }]);
  });
});
