import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import type { Logger } from '@weir/service/logger';
import { connectionConfig } from '@weir/service/postgres';

/** Whoever counts in its own memory has to be the only proxy; a lock in the shared database sees to it. */
export interface SoleProxyLock {
  /** False while the connection that holds the lock is lost: another proxy might have it by now, so serve nothing. */
  isHeld(): boolean;
  stop(): Promise<void>;
}

export interface SoleProxyLockOptions {
  readonly url: string;
  readonly role: string;
  readonly log: Logger;
  /** How long to wait for a proxy that is just going away. */
  readonly patienceMs?: number;
}

/** Any number that nothing else in the database locks; it spells "weirprxy". */
const LOCK_ID = '8603398603394939001';
const PATIENCE_MS = 3_000;
const RETRY_MS = 100;
const PROBE_MS = 1_000;
const ANSWER_MS = 2_000;

/** @throws Error with a sentence for operators when another proxy holds it. */
export async function acquireSoleProxyLock(options: SoleProxyLockOptions): Promise<SoleProxyLock> {
  const stopping = new AbortController();
  let client = await acquire(options, performance.now() + (options.patienceMs ?? PATIENCE_MS));
  let held = true;

  /** Proves once a second that the connection lives, and takes the lock again when it does not. */
  async function keep(): Promise<void> {
    while (!stopping.signal.aborted) {
      await sleep(held ? PROBE_MS : RETRY_MS, undefined, { signal: stopping.signal }).catch(() => undefined);
      if (stopping.signal.aborted) return;
      if (held) await client.query('select 1').catch(lose);
      else await regain();
    }
  }

  function lose(err: unknown): void {
    if (!held) return;
    held = false;
    options.log.error({ err }, 'lost the lock of the only proxy: serving nothing until it is back');
    void client.end().catch(() => undefined);
  }

  async function regain(): Promise<void> {
    try {
      client = await acquire(options, performance.now());
      client.on('error', lose);
      held = true;
      options.log.info('the lock of the only proxy is back');
    } catch (err) {
      options.log.debug({ err }, 'the lock of the only proxy is not to be had yet');
    }
  }

  client.on('error', lose);
  const keeping = keep();
  return {
    isHeld: () => held,
    async stop() {
      stopping.abort();
      await keeping;
      await client.end().catch(() => undefined);
    },
  };
}

async function acquire(options: SoleProxyLockOptions, untilMs: number): Promise<pg.Client> {
  const client = new pg.Client({
    ...connectionConfig({ url: options.url, role: options.role, applicationName: 'weir-proxy-lock' }),
    connectionTimeoutMillis: ANSWER_MS,
    query_timeout: ANSWER_MS,
    keepAlive: true,
  });
  // Errors also end the query that is under way; without a listener they would end the process.
  client.on('error', () => undefined);
  await client.connect();
  try {
    while (!(await tryLock(client))) {
      if (performance.now() >= untilMs) throw new Error(TAKEN);
      await sleep(RETRY_MS);
    }
    return client;
  } catch (thrown) {
    await client.end().catch(() => undefined);
    throw thrown;
  }
}

const TAKEN =
  'another proxy already serves this database with counters in its own memory. ' +
  'Two proxies need shared counters: set REDIS_URL for both, or stop the other one.';

async function tryLock(client: pg.Client): Promise<boolean> {
  const { rows } = await client.query<{ locked: boolean }>(
    'select pg_try_advisory_lock($1::bigint) as locked',
    [LOCK_ID],
  );
  return rows[0]?.locked === true;
}
