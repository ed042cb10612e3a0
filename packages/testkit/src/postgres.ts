import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { requireSetting, TEST_SETTINGS } from './postgres-settings.ts';

export interface TestDatabase {
  /** Of the migrating login; give services their role as in production. */
  readonly url: string;
  /** Ends every connection to it. */
  drop(): Promise<void>;
}

async function onServer(work: (client: pg.Client) => Promise<unknown>): Promise<void> {
  const client = new pg.Client({ connectionString: requireSetting(TEST_SETTINGS.postgresUrl) });
  await client.connect();
  try {
    await work(client);
  } finally {
    await client.end();
  }
}

const LEAVE_DEADLINE_MS = 3_000;

/**
 * Connections that are closing get a moment to go by themselves: one that is ended by the server in the middle of it
 * reports an error to nobody, which fails the run. What stays is ended with the database.
 */
async function dropOnceLeft(client: pg.Client, name: string): Promise<void> {
  for (const endAt = performance.now() + LEAVE_DEADLINE_MS; performance.now() < endAt; await delay(10)) {
    const { rows } = await client.query('select from pg_stat_activity where datname = $1 limit 1', [name]);
    if (rows.length === 0) break;
  }
  await client.query(`drop database if exists ${name} with (force)`);
}

/** The URL of another database on the same server. */
export function withDatabase(url: string, name: string): string {
  const target = new URL(url);
  target.pathname = `/${name}`;
  return target.href;
}

/** An own, migrated and otherwise empty database: a clone of the template that the global setup made. */
export async function createTestDatabase(): Promise<TestDatabase> {
  const name = `weir_test_${randomUUID().replaceAll('-', '')}`;
  const template = requireSetting(TEST_SETTINGS.postgresTemplate);
  await onServer((client) => client.query(`create database ${name} template ${template}`));
  return {
    url: withDatabase(requireSetting(TEST_SETTINGS.postgresUrl), name),
    drop: () => onServer((client) => dropOnceLeft(client, name)),
  };
}

/** An empty database without migrations. */
export async function createEmptyDatabase(): Promise<TestDatabase> {
  const name = `weir_test_${randomUUID().replaceAll('-', '')}`;
  await onServer((client) => client.query(`create database ${name}`));
  return {
    url: withDatabase(requireSetting(TEST_SETTINGS.postgresUrl), name),
    drop: () => onServer((client) => dropOnceLeft(client, name)),
  };
}
