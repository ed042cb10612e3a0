import { createEmptyDatabase, createTestDatabase } from '@weir/testkit/postgres';
import { TEST_SETTINGS, requireSetting } from '@weir/testkit/postgres-settings';
import pg from 'pg';
import { expect, it } from 'vitest';
import { DATABASE_ROLES } from './database.ts';
import { migrate, pendingSchemaChanges } from './migrate.ts';

it('applies every migration once, also when two processes start at the same moment', async () => {
  const database = await createEmptyDatabase();
  try {
    const [one, other] = await Promise.all([migrate(database.url), migrate(database.url)]);
    expect([one.applied.length, other.applied.length].sort()[0]).toBe(0);
    expect(one.applied.length + other.applied.length).toBeGreaterThan(4);
    expect(await migrate(database.url)).toEqual({ applied: [] });
  } finally {
    await database.drop();
  }
});

it('leaves no difference between the Prisma schema and what the migrations build', async () => {
  const database = await createTestDatabase();
  try {
    expect(await pendingSchemaChanges(database.url)).toBe('');
  } finally {
    await database.drop();
  }
});

it('needs no superuser: a login that owns its database and was granted the roles is enough', async () => {
  const database = await createEmptyDatabase();
  const login = `weir_login_${new URL(database.url).pathname.slice(-12)}`;
  const admin = new pg.Client({ connectionString: requireSetting(TEST_SETTINGS.postgresUrl) });
  await admin.connect();
  try {
    await admin.query(`create role ${login} login createrole password 'test'`);
    await admin.query(`grant ${DATABASE_ROLES.join(', ')} to ${login}`);
    await admin.query(`alter database ${new URL(database.url).pathname.slice(1)} owner to ${login}`);
    const url = new URL(database.url);
    url.username = login;
    url.password = 'test';
    expect((await migrate(url.href)).applied.length).toBeGreaterThan(4);

    const proxy = new pg.Client({ connectionString: url.href, options: '-c role=weir_proxy' });
    await proxy.connect();
    const { rows } = await proxy.query(
      `select policy.snapshot('\\x00') as answer, ledger.ensure_partitions(8) as made`,
    );
    await expect(proxy.query('select * from identity.users')).rejects.toThrow('permission denied');
    await proxy.end();
    expect(rows).toEqual([{ answer: null, made: 1 }]);
  } finally {
    await database.drop();
    await admin.query(`drop role if exists ${login}`);
    await admin.end();
  }
});

it('says which migration failed and why, and goes on from there when the cause is gone', async () => {
  const database = await createEmptyDatabase();
  const client = new pg.Client({ connectionString: database.url });
  await client.connect();
  try {
    await client.query('create schema ledger');
    await expect(migrate(database.url)).rejects.toThrow(
      'The database refused migration 20261121000400_ledger: schema "ledger" already exists',
    );
    await client.query('drop schema ledger');
    expect((await migrate(database.url)).applied[0]).toBe('20261121000400_ledger');
  } finally {
    await client.end();
    await database.drop();
  }
});
