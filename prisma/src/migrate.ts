import pg from 'pg';
import { readMigrations, readSchema } from './migration-files.ts';
import { NO_FILTERS, withSchemaEngine } from './schema-engine.ts';

/** How far ahead partitions of the attempt log are made; the proxies' sweeper keeps that distance. */
const PARTITION_DAYS_AHEAD = 7;
/** Another process may be migrating; no migration of ours takes longer. */
const LOCK_TIMEOUT_MS = 120_000;

/** Holds one advisory lock of the database, so that processes that start together migrate one after the other. */
async function locked<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 10_000 });
  await client.connect();
  try {
    await client.query(`set lock_timeout = ${String(LOCK_TIMEOUT_MS)}`);
    await client.query(`select pg_advisory_lock(hashtext('weir.migrate'))`);
    return await work(client);
  } finally {
    await client.end();
  }
}

/**
 * Brings a database to the newest migration and makes the coming partitions of the attempt log. Idempotent, and safe
 * when several processes do it at once. The login must own the database's schemas and may create roles, or find the
 * roles granted to it.
 * @throws Error with the engine's own words when a migration fails; the failed one has changed nothing.
 */
export async function migrate(url: string): Promise<{ applied: string[] }> {
  const migrationsList = await readMigrations();
  return locked(url, async (client) => {
    const applied = await withSchemaEngine(url, async (engine) => {
      const { failedMigrationNames } = await engine.diagnoseMigrationHistory({
        migrationsList,
        optInToShadowDatabase: false,
        filters: NO_FILTERS,
      });
      // A script is one transaction, so what failed left nothing behind and may be tried again.
      for (const migrationName of failedMigrationNames)
        await engine.markMigrationRolledBack({ migrationName });
      return (await engine.applyMigrations({ migrationsList, filters: NO_FILTERS })).appliedMigrationNames;
    });
    await client.query('select ledger.ensure_partitions($1)', [PARTITION_DAYS_AHEAD]);
    return { applied };
  });
}

/**
 * The SQL that would bring the migrations' result to the schema; empty when they agree. Needs a server on which it may
 * create and drop a database; the database of the URL itself is not touched.
 */
export async function pendingSchemaChanges(url: string): Promise<string> {
  const [migrationsList, schema] = await Promise.all([readMigrations(), readSchema()]);
  return withSchemaEngine(url, async (engine) => {
    const { stdout } = await engine.diff({
      from: { tag: 'migrations', ...migrationsList },
      to: { tag: 'schemaDatamodel', ...schema },
      script: true,
      exitCode: null,
      filters: NO_FILTERS,
    });
    const sql = stdout?.trim() ?? '';
    return sql === '-- This is an empty migration.' ? '' : sql;
  });
}
