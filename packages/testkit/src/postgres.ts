import { randomUUID } from 'node:crypto';
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
    drop: () => onServer((client) => client.query(`drop database if exists ${name} with (force)`)),
  };
}

/** An empty database without migrations. */
export async function createEmptyDatabase(): Promise<TestDatabase> {
  const name = `weir_test_${randomUUID().replaceAll('-', '')}`;
  await onServer((client) => client.query(`create database ${name}`));
  return {
    url: withDatabase(requireSetting(TEST_SETTINGS.postgresUrl), name),
    drop: () => onServer((client) => client.query(`drop database if exists ${name} with (force)`)),
  };
}
