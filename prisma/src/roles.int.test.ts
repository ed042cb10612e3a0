import { createTestDatabase, type TestDatabase } from '@weir/testkit/postgres';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DATABASE_ROLES, type DatabaseRole } from './database.ts';

/** The schemas that a role may touch at all. */
const REACHABLE: Readonly<Record<DatabaseRole, readonly string[]>> = {
  weir_identity: ['identity', 'audit'],
  weir_billing: ['billing'],
  weir_analytics: ['analytics'],
  weir_proxy: ['ledger'],
  weir_billing_projector: ['billing', 'ledger'],
  weir_analytics_projector: ['analytics', 'ledger'],
};

let database: TestDatabase;
let client: pg.Client;

beforeAll(async () => {
  database = await createTestDatabase();
  client = new pg.Client({ connectionString: database.url });
  await client.connect();
});

afterAll(async () => {
  await client.end();
  await database.drop();
});

interface Grant {
  readonly role: DatabaseRole;
  readonly schema: string;
  readonly relation: string;
  readonly privileges: readonly string[];
}

async function grants(): Promise<Grant[]> {
  const { rows } = await client.query<Grant>(
    `select r.rolname as role, n.nspname as schema, c.relname as relation,
            array_agg(p.name order by p.name) as privileges
     from pg_class c
     join pg_namespace n on n.oid = c.relnamespace
     cross join pg_roles r
     cross join unnest(array['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE']) as p (name)
     where c.relkind in ('r', 'p', 'v', 'm') and r.rolname = any ($1)
       and n.nspname in ('identity', 'billing', 'analytics', 'ledger', 'policy', 'audit', 'public')
       and has_table_privilege(r.oid, c.oid, p.name)
     group by 1, 2, 3`,
    [DATABASE_ROLES],
  );
  return rows;
}

it("lets no role touch a table outside its service's schema", async () => {
  const strays = (await grants()).filter((grant) => !REACHABLE[grant.role].includes(grant.schema));
  expect(strays).toEqual([]);
});

it.each([
  ['weir_billing', 'identity.users'],
  ['weir_analytics', 'billing.budgets'],
  ['weir_identity', 'billing.prices'],
  ['weir_identity', 'analytics.usage_events'],
  ['weir_proxy', 'identity.api_keys'],
  ['weir_proxy', 'identity.provider_keys'],
  ['weir_billing', 'ledger.attempt_log'],
  ['weir_billing', 'policy.epochs'],
])('refuses %s to read %s, also when the login is a superuser', async (role, table) => {
  const session = new pg.Client({ connectionString: database.url, options: `-c role=${role}` });
  await session.connect();
  try {
    await expect(session.query(`select * from ${table}`)).rejects.toThrow('permission denied');
  } finally {
    await session.end();
  }
});

it('gives the roles no power of their own', async () => {
  const { rows } = await client.query(
    `select rolname from pg_roles
     where rolname = any ($1) and (rolsuper or rolbypassrls or rolcanlogin or rolcreaterole or rolcreatedb)`,
    [DATABASE_ROLES],
  );
  expect(rows).toEqual([]);
});

describe('the attempt log is append-only', () => {
  it('grants UPDATE, DELETE and TRUNCATE on it and its partitions to no role', async () => {
    const mutable = (await grants()).filter(
      (grant) =>
        grant.relation.startsWith('attempt_log') &&
        grant.privileges.some((privilege) => ['UPDATE', 'DELETE', 'TRUNCATE'].includes(privilege)),
    );
    expect(mutable).toEqual([]);
  });

  it.each(DATABASE_ROLES)('refuses %s to change or remove a row', async (role) => {
    const session = new pg.Client({ connectionString: database.url, options: `-c role=${role}` });
    await session.connect();
    try {
      await expect(session.query('update ledger.attempt_log set cost = 0')).rejects.toThrow(
        'permission denied',
      );
      await expect(session.query('delete from ledger.attempt_log')).rejects.toThrow('permission denied');
    } finally {
      await session.end();
    }
  });
});

it('leaves no function of ours callable by everybody', async () => {
  const { rows } = await client.query(
    `select n.nspname || '.' || p.proname as name
     from pg_proc p
     join pg_namespace n on n.oid = p.pronamespace
     cross join lateral aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) as a
     where n.nspname in ('identity', 'billing', 'analytics', 'ledger', 'policy')
       and p.prorettype <> 'trigger'::regtype and a.grantee = 0 and a.privilege_type = 'EXECUTE'`,
  );
  expect(rows).toEqual([]);
});

it('pins the search path of every function that runs with the rights of its owner', async () => {
  const { rows } = await client.query(
    `select n.nspname || '.' || p.proname as name
     from pg_proc p
     join pg_namespace n on n.oid = p.pronamespace
     where p.prosecdef and n.nspname in ('identity', 'billing', 'analytics', 'ledger', 'policy')
       and not coalesce('search_path=""' = any (p.proconfig), false)`,
  );
  expect(rows).toEqual([]);
});
