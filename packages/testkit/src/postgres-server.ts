import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startEmbeddedPostgres } from '@weir/prisma/embedded-postgres';
import { migrate } from '@weir/prisma/migrate';
import pg from 'pg';
import { withDatabase } from './postgres.ts';
import { TEST_SETTINGS } from './postgres-settings.ts';

export interface TestServer {
  stop(): Promise<void>;
}

interface Server {
  readonly url: string;
  stop(): Promise<void>;
}

/** Data of a test is worth nothing after it, so nothing waits for the disk. */
const NOT_DURABLE = {
  fsync: 'off',
  synchronous_commit: 'off',
  full_page_writes: 'off',
  max_connections: '300',
};

async function startOwnServer(): Promise<Server> {
  // Not below the project: as root the server runs as a user who must be able to reach it.
  const home = await mkdtemp(join(tmpdir(), 'weir-testkit-'));
  await chmod(home, 0o755);
  const server = await startEmbeddedPostgres({ dataDir: join(home, 'pg'), port: 0, settings: NOT_DURABLE });
  return {
    url: withDatabase(server.url, 'postgres'),
    stop: async () => {
      await server.stop();
      await rm(home, { recursive: true, force: true });
    },
  };
}

async function onServer(url: string, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}

async function makeTemplate(url: string): Promise<string> {
  const template = `weir_template_${String(process.pid)}_${Date.now().toString(36)}`;
  await onServer(url, `create database ${template}`);
  await migrate(withDatabase(url, template));
  return template;
}

/**
 * One server and one migrated template for the whole run: the server of WEIR_TEST_DATABASE_URL, whose login may create
 * databases and roles, or else an embedded one.
 */
export async function startTestPostgres(): Promise<TestServer> {
  const given = process.env['WEIR_TEST_DATABASE_URL'];
  const server =
    given === undefined || given === ''
      ? await startOwnServer()
      : { url: given, stop: () => Promise.resolve() };
  try {
    const template = await makeTemplate(server.url);
    process.env[TEST_SETTINGS.postgresUrl] = server.url;
    process.env[TEST_SETTINGS.postgresTemplate] = template;
    return {
      stop: async () => {
        await onServer(server.url, `drop database if exists ${template} with (force)`);
        await server.stop();
      },
    };
  } catch (thrown) {
    await server.stop();
    throw thrown;
  }
}
