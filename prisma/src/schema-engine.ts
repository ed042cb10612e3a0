import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { PrismaPg } from '@prisma/adapter-pg';
import {
  bindMigrationAwareSqlAdapterFactory,
  ColumnTypeEnum,
  type SqlDriverAdapter,
  type SqlQuery,
  type SqlResultSet,
} from '@prisma/driver-adapter-utils';
import * as wasmBindings from '@prisma/schema-engine-wasm/schema_engine_bg';

export type SchemaEngine = wasmBindings.SchemaEngine;

/** Nothing is left out: the schemas that only SQL describes (`ledger`, `policy`) are not the engine's at all. */
export const NO_FILTERS = { externalTables: [], externalEnums: [] };

/** The part of the runtime's WebAssembly that is used; the compiler knows it only together with a browser's types. */
declare const WebAssembly: {
  instantiate(
    bytes: Uint8Array,
    imports: Readonly<Record<string, object>>,
  ): Promise<{ readonly instance: { readonly exports: { __wbindgen_start(): void } } }>;
};

let loaded: Promise<void> | undefined;

/**
 * Prisma's schema engine, compiled to WebAssembly. The package expects a bundler to load the module, so it is
 * instantiated by hand; once per process, because its bindings are module state.
 */
function load(): Promise<void> {
  loaded ??= (async () => {
    const entry = createRequire(import.meta.url).resolve('@prisma/schema-engine-wasm/schema_engine_bg');
    const bytes = await readFile(join(dirname(entry), 'schema_engine_bg.wasm'));
    const { instance } = await WebAssembly.instantiate(bytes, { './schema_engine_bg.js': wasmBindings });
    wasmBindings.__wbg_set_wasm(instance.exports);
    instance.exports.__wbindgen_start();
  })();
  return loaded;
}

/** What the engine's catalogue queries select of the type `"char"`: the kind of a constraint, what a foreign key does. */
const INTERNAL_CHAR_COLUMN = /\bcon(?:str)?\.(?:contype|confdeltype|confupdtype)\b/g;
const INTERNAL_CHAR_NAMES = new Set(['constraint_type', 'confdeltype', 'confupdtype']);

/**
 * The stock adapter with two differences. A script goes to the server whole: the stock one cuts it at every semicolon,
 * which breaks function bodies, and a whole script is also one transaction, so a migration is applied entirely or not
 * at all. And columns of the catalogue's own type `"char"`, which the stock one refuses, are read.
 */
async function connect(url: string): Promise<SqlDriverAdapter> {
  const adapter = await new PrismaPg({
    connectionString: url,
    max: 2,
    connectionTimeoutMillis: 10_000,
  }).connect();
  const pool = adapter.underlyingDriver();
  const stockQuery = adapter.queryRaw.bind(adapter);
  return Object.assign(adapter, {
    queryRaw: async (query: SqlQuery): Promise<SqlResultSet> => {
      const sql = query.sql.replaceAll(INTERNAL_CHAR_COLUMN, '$&::text');
      if (sql === query.sql) return stockQuery(query);
      const { columnNames, columnTypes, rows } = await stockQuery({ ...query, sql });
      const types = columnTypes.map((type, i) =>
        INTERNAL_CHAR_NAMES.has(columnNames[i] ?? '') ? ColumnTypeEnum.Character : type,
      );
      return { columnNames, columnTypes: types, rows };
    },
    executeScript: async (script: string): Promise<void> => {
      await pool.query(script);
    },
  });
}

/** A new database on the same server, dropped again when the adapter is disposed of. */
async function connectToShadow(url: string): Promise<SqlDriverAdapter> {
  const name = `weir_shadow_${randomUUID()}`;
  const server = await connect(url);
  await server.executeScript(`create database "${name}"`);
  const target = new URL(url);
  target.pathname = `/${name}`;
  const shadow = await connect(target.href);
  const close = shadow.dispose.bind(shadow);
  const dispose = async (): Promise<void> => {
    await close();
    await server.executeScript(`drop database "${name}" with (force)`);
    await server.dispose();
  };
  return Object.assign(shadow, { dispose });
}

/** Runs `work` with an engine on one database and closes every connection that the engine opened. */
export async function withSchemaEngine<T>(
  url: string,
  work: (engine: SchemaEngine) => Promise<T>,
): Promise<T> {
  await load();
  const opened: SqlDriverAdapter[] = [];
  const remember = async (adapter: Promise<SqlDriverAdapter>): Promise<SqlDriverAdapter> => {
    opened.push(await adapter);
    return adapter;
  };
  const factory = bindMigrationAwareSqlAdapterFactory({
    provider: 'postgres',
    adapterName: '@prisma/adapter-pg',
    connect: () => remember(connect(url)),
    connectToShadowDb: () => remember(connectToShadow(url)),
  });
  try {
    const engine = await wasmBindings.SchemaEngine.new({ datamodels: undefined }, () => undefined, factory);
    try {
      return await work(engine);
    } finally {
      engine.free();
    }
  } catch (thrown) {
    // The engine knows a failure of the adapter only by a number; the registry has the server's own words.
    const cause = factory.errorRegistry.consumeError(0)?.error;
    throw cause === undefined ? thrown : new Error(explain(thrown, cause), { cause });
  } finally {
    await Promise.allSettled(opened.map((adapter) => adapter.dispose()));
  }
}

function explain(thrown: unknown, cause: unknown): string {
  const migration = thrown instanceof Error ? /\d{14}_\w+/.exec(thrown.message)?.[0] : undefined;
  const reason = cause instanceof Error ? cause.message : String(cause);
  return `The database refused ${migration === undefined ? 'the operation' : `migration ${migration}`}: ${reason}`;
}
