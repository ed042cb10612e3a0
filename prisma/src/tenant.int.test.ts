import type { Uuid } from '@weir/kernel/ids';
import { createTestDatabase, type TestDatabase } from '@weir/testkit/postgres';
import { seedTenant, type Tenant } from '@weir/testkit/postgres-tenant';
import { fillTenant } from '@weir/testkit/postgres-tenant-rows';
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
    and (a.attname in ('organization_id', 'chain_id') or (n.nspname || '.' || c.relname = 'identity.organizations' and a.attname = 'id'))
    and has_table_privilege(r.oid, c.oid, 'SELECT')
  order by 1, 2`;

/** Reads across tenants on purpose: it folds every organization's attempts. */
const isProjector = (role: string): boolean => role.endsWith('_projector');

let database: TestDatabase;
let owner: pg.Client;
let one: Tenant;
let other: Tenant;
let tables: readonly TenantTable[];

beforeAll(async () => {
  database = await createTestDatabase();
  owner = new pg.Client({ connectionString: database.url });
  await owner.connect();
  one = await seedTenant(owner);
  other = await seedTenant(owner);
  for (const tenant of [one, other]) await fillTenant(owner, tenant);
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

  it('neither changes nor removes a row of another organization, by whatever is asked', async () => {
    for (const table of tables.filter(({ role }) => !isProjector(role))) {
      const session = new pg.Client({ connectionString: database.url, options: `-c role=${table.role}` });
      await session.connect();
      try {
        await session.query(`select set_config('app.organization_id', $1, false)`, [one.organizationId]);
        const work = [
          `delete from ${table.name} where ${table.tenantColumn} = $1`,
          `update ${table.name} set ${table.tenantColumn} = ${table.tenantColumn} where ${table.tenantColumn} = $1`,
        ];
        for (const statement of work) {
          const touched = await session.query(statement, [other.organizationId]).then(
            ({ rowCount }) => rowCount,
            (refused: Error) => (/permission denied/.test(refused.message) ? 0 : refused.message),
          );
          expect({ statement, touched }).toEqual({ statement, touched: 0 });
        }
      } finally {
        await session.end();
      }
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

/** Tables that a service can read and that name no organization, with what keeps tenants out of one another's rows. */
const WITHOUT_ORGANIZATION: Readonly<Record<string, string>> = {
  'billing.projection_cursor': 'how far a projection has read',
  'analytics.projection_cursor': 'how far a projection has read',
  'identity.mail_outbox': 'sealed; of no organization',
  'identity.recovery_tokens': 'hashes of tokens; of the platform',
  'identity.request_rates': 'counts by hashes of networks and addresses',
  'identity.sign_in_throttles': 'counts by hashes of addresses',
  'identity.signing_keys': 'sealed; of the platform',
  'identity.spent_tokens': 'hashes of tokens',
};

const TABLES_WITHOUT_ORGANIZATION = `
  select n.nspname || '.' || c.relname as name, c.relrowsecurity as "hasRowSecurity",
         bool_or(a.attname = 'user_id' or n.nspname || '.' || c.relname = 'identity.users') as "isOfPerson"
  from pg_class c
  join pg_namespace n on n.oid = c.relnamespace
  join pg_attribute a on a.attrelid = c.oid and not a.attisdropped and a.attnum > 0
  cross join pg_roles r
  where c.relkind in ('r', 'p') and not c.relispartition and r.rolname = any ($1)
    and n.nspname not in ('pg_catalog', 'information_schema')
    and has_table_privilege(r.oid, c.oid, 'SELECT')
  group by 1, 2
  having not bool_or(a.attname in ('organization_id', 'chain_id')) and n.nspname || '.' || c.relname <> 'identity.organizations'
  order by 1`;

describe('tables without an organization', () => {
  let people: readonly string[];

  beforeAll(async () => {
    const { rows } = await owner.query<{ name: string; hasRowSecurity: boolean; isOfPerson: boolean }>(
      TABLES_WITHOUT_ORGANIZATION,
      [DATABASE_ROLES],
    );
    people = rows
      .filter(({ isOfPerson, hasRowSecurity }) => isOfPerson && hasRowSecurity)
      .map(({ name }) => name);
    const unaccounted = rows.filter(
      ({ name }) => !people.includes(name) && WITHOUT_ORGANIZATION[name] === undefined,
    );
    expect(unaccounted).toEqual([]);
  });

  it('are of a person, or hold nothing of anybody in particular', () => {
    expect(people).toContain('identity.users');
  });

  it('show an organization its own people at most, and nobody else anything', async () => {
    const { rows: members } = await owner.query<{ user_id: string }>(
      'select user_id from identity.memberships where organization_id = $1',
      [one.organizationId],
    );
    const own = members.map(({ user_id }) => user_id);
    const session = new pg.Client({ connectionString: database.url, options: '-c role=weir_identity' });
    await session.connect();
    for (const table of people) {
      const column = table === 'identity.users' ? 'id' : 'user_id';
      const seen = async (scope: string): Promise<unknown[]> => {
        await session.query(`select set_config('app.organization_id', $1, false)`, [scope]);
        const { rows } = await session.query<{ id: string }>(`select distinct ${column} as id from ${table}`);
        return rows.map(({ id }) => id).filter((id) => !(scope !== '' && own.includes(id)));
      };
      expect({ table, seen: await seen(one.organizationId) }).toEqual({ table, seen: [] });
      expect({ table, seen: await seen('') }).toEqual({ table, seen: [] });
    }
    await session.end();
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
