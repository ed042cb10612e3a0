import pg from 'pg';
import type { Check } from './health.ts';
import type { Logger } from './logger.ts';

export interface PoolOptions {
  readonly url: string;
  /** The role that every connection takes, for example `weir_proxy`; the login's own rights without it. */
  readonly role?: string;
  readonly applicationName: string;
  /** Connections at most; callers beyond it wait up to `connectTimeoutMs`. */
  readonly max: number;
  /** The server ends a statement after it; one second later the client gives up on a server that is gone. */
  readonly statementTimeoutMs?: number;
  readonly connectTimeoutMs?: number;
  /** Statements that are issued without awaiting the one before are sent at once; their answers come in order. */
  readonly pipeline?: boolean;
  readonly log: Logger;
}

const STATEMENT_TIMEOUT_MS = 5_000;
const CONNECT_TIMEOUT_MS = 3_000;
const IDLE_TIMEOUT_MS = 60_000;
const CLIENT_MARGIN_MS = 1_000;

/** A pool whose every wait is bounded. A connection lost while idle is logged and replaced, not thrown. */
export function createPool(options: PoolOptions): pg.Pool {
  const statementTimeoutMs = options.statementTimeoutMs ?? STATEMENT_TIMEOUT_MS;
  const pool = new pg.Pool({
    ...connectionConfig(options),
    max: options.max,
    pipeline: options.pipeline ?? false,
    statement_timeout: statementTimeoutMs,
    query_timeout: statementTimeoutMs + CLIENT_MARGIN_MS,
    connectionTimeoutMillis: options.connectTimeoutMs ?? CONNECT_TIMEOUT_MS,
    idleTimeoutMillis: IDLE_TIMEOUT_MS,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
  });
  pool.on('error', (err) => {
    options.log.warn({ err, applicationName: options.applicationName }, 'idle database connection lost');
  });
  // The pool listens no longer to a connection that it is closing; one that breaks just then must not end the process.
  pool.on('connect', (client) => {
    client.on('error', (err) => options.log.debug({ err }, 'database connection failed'));
  });
  return pool;
}

/** Whether the database answers. */
export function poolCheck(pool: pg.Pool, required = true): Check {
  return {
    name: 'postgres',
    required,
    run: async () => {
      await pool.query('select 1');
    },
  };
}

/** What a pool and a single client have in common: where to connect, as whom, and in UTC. */
export function connectionConfig(
  options: Pick<PoolOptions, 'url' | 'role' | 'applicationName'>,
): pg.ClientConfig {
  const { url, given } = withoutStartupOptions(options.url);
  const startup = [given, options.role === undefined ? '' : `-c role=${options.role}`, '-c timezone=UTC'];
  return {
    connectionString: url,
    application_name: options.applicationName,
    options: startup.filter((part) => part !== '').join(' '),
  };
}

/** An `options` parameter of the URL would replace ours, so both are joined. */
function withoutStartupOptions(text: string): { readonly url: string; readonly given: string } {
  if (!text.includes('options=')) return { url: text, given: '' };
  const url = new URL(text);
  const given = url.searchParams.get('options') ?? '';
  url.searchParams.delete('options');
  return { url: url.href, given };
}
