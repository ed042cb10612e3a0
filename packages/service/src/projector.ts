import { Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import type { Registry } from 'prom-client';
import type { Logger } from './logger.ts';
import { connectionConfig } from './postgres.ts';
import { createProjectionMetrics } from './projection-metrics.ts';
import { PROJECTOR_SESSION, projectBatch, type Projection } from './projection-step.ts';
import { createWaker } from './waker.ts';

export interface ProjectorOptions {
  readonly url: string;
  /** Database role of the connection. */
  readonly role: string;
  readonly projection: Projection;
  readonly registry: Registry;
  readonly log: Logger;
  /** Rows of the log per transaction; 1,000 unless told. */
  readonly batchRows?: number;
  /** Looks for work this often although nobody woke it; 5 s unless told. */
  readonly pollMs?: number;
  /**
   * Under continuous load batches start at most this often, so that rows gather; 20 ms unless told. After a pause the
   * first batch starts at once.
   */
  readonly minIntervalMs?: number;
}

export type ProjectorState = 'connecting' | 'standby' | 'leading' | 'stopped';

/** Keeps a projection up to date. Any number may run; one leads, the others stand by and take over when it goes. */
export interface Projector {
  /** There may be rows: look at once. */
  wake(): void;
  state(): ProjectorState;
  /** Finishes the running batch. */
  stop(): Promise<void>;
}

const STATEMENT_TIMEOUT_MS = 30_000;
const CLIENT_MARGIN_MS = 1_000;
const CONNECT_TIMEOUT_MS = 5_000;
const STANDBY_MS = 500;
const BLOCKED_MIN_MS = 2;
const BLOCKED_MAX_MS = 50;
/** After a batch the next signal may be about to come; with it, nobody need look whether there are rows. */
const NEXT_SIGNAL_MS = 40;
const RETRY_MIN_MS = 100;
const RETRY_MAX_MS = 5_000;

interface Connection {
  readonly client: pg.Client;
  /** Destroys the socket: a connection whose other end does not answer ends no other way. */
  close(): void;
}

async function connect({ url, role, projection, log }: ProjectorOptions): Promise<Connection> {
  const socket = new Socket();
  const client = new pg.Client({
    ...connectionConfig({ url, role, applicationName: `weir-projector-${projection.name}` }),
    statement_timeout: STATEMENT_TIMEOUT_MS,
    query_timeout: STATEMENT_TIMEOUT_MS + CLIENT_MARGIN_MS,
    idle_in_transaction_session_timeout: STATEMENT_TIMEOUT_MS,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    keepAlive: true,
    // What does not wait for an answer is sent together, which is most of what a small batch takes.
    pipeline: true,
    stream: () => socket,
  });
  // A connection that breaks while nothing runs is noticed by the next statement.
  client.on('error', (err) => log.debug({ err, projection: projection.name }, 'projector connection failed'));
  const close = () => void socket.destroy();
  try {
    await client.connect();
    await client.query(PROJECTOR_SESSION);
  } catch (error) {
    close();
    throw error;
  }
  return { client, close };
}

/** The lock belongs to the session that also applies the batches: who loses the connection loses both. */
async function tryLead(client: pg.Client, projection: Projection): Promise<boolean> {
  const { rows } = await client.query<{ is_leader: boolean }>(
    `select pg_try_advisory_lock(hashtextextended($1, 0)) as is_leader`,
    [`weir.projection.${projection.name}`],
  );
  return rows[0]?.is_leader === true;
}

/** Starts at once and runs until stopped; lost connections are made again with growing pauses. */
export function createProjector(options: ProjectorOptions): Projector {
  const { projection, log, batchRows = 1_000, pollMs = 5_000, minIntervalMs = 20 } = options;
  const waker = createWaker();
  const stopping = new AbortController();
  let state: ProjectorState = 'connecting';
  const metrics = createProjectionMetrics(options.registry, projection.name, () => state === 'leading');
  let retryMs = RETRY_MIN_MS;
  const isStopping = () => stopping.signal.aborted;
  const pause = async (ms: number): Promise<void> => {
    if (ms > 0) await delay(ms, undefined, { signal: stopping.signal }).catch(() => undefined);
  };

  const lead = async (client: pg.Client): Promise<void> => {
    let blockedMs = BLOCKED_MIN_MS;
    let isExpected = false;
    while (!isStopping()) {
      const startedAtMs = performance.now();
      waker.clear();
      const result = await projectBatch(client, projection, batchRows, isExpected);
      metrics.observe(result);
      retryMs = RETRY_MIN_MS;
      if (result.kind === 'blocked') {
        // Whoever blocks need not be a writer of the log, so no signal may come when it ends.
        await waker.wait(blockedMs);
        isExpected = false;
        blockedMs = Math.min(blockedMs * 2, BLOCKED_MAX_MS);
        continue;
      }
      blockedMs = BLOCKED_MIN_MS;
      if (result.kind === 'idle') isExpected = await waker.wait(pollMs);
      else if (result.rows === batchRows) isExpected = true;
      else {
        await pause(minIntervalMs - (performance.now() - startedAtMs));
        isExpected = await waker.wait(NEXT_SIGNAL_MS);
      }
    }
  };
  const serve = async (client: pg.Client): Promise<void> => {
    while (!isStopping()) {
      if (await tryLead(client, projection)) {
        state = 'leading';
        log.info({ projection: projection.name }, 'projector leads');
        return lead(client);
      }
      state = 'standby';
      await pause(STANDBY_MS);
    }
  };
  const run = async (): Promise<void> => {
    while (!isStopping()) {
      let connection: Connection | undefined;
      try {
        connection = await connect(options);
        await serve(connection.client);
      } catch (error) {
        metrics.failed();
        log.warn({ err: error, projection: projection.name, retryMs }, 'projection interrupted');
      }
      state = 'connecting';
      connection?.close();
      if (isStopping()) break;
      await pause(retryMs * (0.5 + Math.random() / 2));
      retryMs = Math.min(retryMs * 2, RETRY_MAX_MS);
    }
    state = 'stopped';
  };

  const running = run();
  return {
    wake: () => waker.wake(),
    state: () => state,
    async stop() {
      stopping.abort();
      waker.wake();
      await running;
    },
  };
}
