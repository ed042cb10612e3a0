import { createTestDatabase } from '@weir/testkit/postgres';
import type pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createHealth } from './health.ts';
import { createLogger } from './logger.ts';
import { createPool, poolCheck, type PoolOptions } from './postgres.ts';

const log = createLogger({ service: 'test', level: 'silent' });
let database: Awaited<ReturnType<typeof createTestDatabase>>;
const pools: pg.Pool[] = [];

beforeAll(async () => {
  database = await createTestDatabase();
});
afterEach(async () => {
  await Promise.all(pools.splice(0).map((pool) => pool.end()));
});
afterAll(async () => {
  await database.drop();
});

function open(options: Partial<PoolOptions> = {}): pg.Pool {
  const pool = createPool({ url: database.url, applicationName: 'pool-test', max: 2, log, ...options });
  pools.push(pool);
  return pool;
}

describe('createPool', () => {
  it('gives every connection its role, its name and UTC', async () => {
    const pool = open({ role: 'weir_proxy' });
    const { rows } = await pool.query(
      `select current_user as role, current_setting('timezone') as zone, current_setting('application_name') as name`,
    );
    expect(rows).toEqual([{ role: 'weir_proxy', zone: 'UTC', name: 'pool-test' }]);
  });

  it('keeps startup options that the URL brings along', async () => {
    const url = new URL(database.url);
    url.searchParams.set('options', '-c work_mem=7MB');
    const { rows } = await open({ url: url.href, role: 'weir_proxy' }).query(
      `select current_user as role, current_setting('work_mem') as work_mem`,
    );
    expect(rows).toEqual([{ role: 'weir_proxy', work_mem: '7MB' }]);
  });

  it('ends a statement that takes too long, and goes on working', async () => {
    const pool = open({ statementTimeoutMs: 100 });
    await expect(pool.query('select pg_sleep(10)')).rejects.toThrow(/statement timeout/);
    expect((await pool.query('select 1 as one')).rows).toEqual([{ one: 1 }]);
  });

  it('lets nobody wait for a connection longer than agreed', async () => {
    const pool = open({ max: 1, connectTimeoutMs: 100 });
    const only = await pool.connect();
    await expect(pool.query('select 1')).rejects.toThrow(/timeout/);
    only.release();
    expect((await pool.query('select 1 as one')).rowCount).toBe(1);
  });

  it('survives the loss of an idle connection', async () => {
    const pool = open();
    const { rows } = await pool.query<{ pid: number }>('select pg_backend_pid() as pid');
    const { promise: lost, resolve } = Promise.withResolvers<unknown>();
    pool.once('error', resolve);
    await open().query('select pg_terminate_backend($1)', [rows[0]?.pid]);
    await lost;
    expect((await pool.query('select 1 as one')).rowCount).toBe(1);
  });
});

describe('poolCheck', () => {
  it('is up while the database answers and down when it does not', async () => {
    expect((await createHealth([poolCheck(open())])()).status).toBe('ready');
    const nowhere = open({ url: 'postgres://weir:hunter2@127.0.0.1:1/weir' });
    const report = await createHealth([poolCheck(nowhere)])();
    expect(report.checks).toMatchObject([{ name: 'postgres', status: 'down', required: true }]);
    expect(JSON.stringify(report)).not.toContain('hunter2');
  });
});
