import { spawn, type ChildProcess } from 'node:child_process';
import { open, readFile, stat, type FileHandle } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { findBinaries, type Binaries } from './embedded/binaries.ts';
import { ensureCluster, serverEnvironment, SUPERUSER } from './embedded/cluster.ts';
import { EmbeddedPostgresError } from './embedded/error.ts';
import { prepareHome } from './embedded/folders.ts';
import { lockInstance } from './embedded/instance-lock.ts';
import { clearLeftovers } from './embedded/leftover-server.ts';
import { freePort } from './embedded/ports.ts';
import { serverUser, type ServerUser } from './embedded/system-user.ts';

export { EmbeddedPostgresError } from './embedded/error.ts';

const DATABASE = 'weir';
/** Recovery after a crash is part of a start. */
const READY_DEADLINE_MS = 60_000;
const FAST_STOP_MS = 10_000;
const IMMEDIATE_STOP_MS = 5_000;
const LOG_LIMIT_BYTES = 8 * 1024 * 1024;

/** For one machine: modest memory, everything durable, reachable over loopback only. */
const SETTINGS: Readonly<Record<string, string>> = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  max_connections: '100',
  shared_buffers: '128MB',
  effective_cache_size: '512MB',
  max_wal_size: '512MB',
  wal_compression: 'on',
  // The statements are short; compiling them costs more than it saves.
  jit: 'off',
  timezone: 'UTC',
  log_timezone: 'UTC',
  log_min_messages: 'warning',
  log_checkpoints: 'off',
};

export interface EmbeddedPostgresOptions {
  /** Created at the first start. `<dataDir>.password`, `.log` and `.lock` are kept beside it. */
  readonly dataDir: string;
  /** 0 for any free one. */
  readonly port: number;
  /** Server settings that differ from ours, for example `fsync: 'off'` in tests. */
  readonly settings?: Readonly<Record<string, string>>;
}

export interface EmbeddedPostgres {
  /** Of the superuser and the database `weir`; contains the password. */
  readonly url: string;
  readonly port: number;
  readonly pid: number;
  /** Settles when the server has ended, for whatever reason. */
  readonly exited: Promise<void>;
  /** Ends running statements and stops the server; resolves when it is gone. Idempotent. */
  stop(): Promise<void>;
}

interface Launch {
  readonly binaries: Binaries;
  readonly user: ServerUser | undefined;
  readonly dataDir: string;
  readonly port: number;
  readonly url: string;
  readonly settings: Readonly<Record<string, string>>;
}

async function openLog(path: string): Promise<FileHandle> {
  const size = await stat(path).then(
    (file) => file.size,
    () => 0,
  );
  return open(path, size > LOG_LIMIT_BYTES ? 'w' : 'a', 0o600);
}

/**
 * Detached into a session of its own: a Ctrl-C in the terminal goes to every process of the group, and the server must
 * outlive the services that are still writing to it.
 */
function spawnServer(launch: Launch, log: FileHandle): ChildProcess {
  const settings = { ...SETTINGS, ...launch.settings, port: String(launch.port) };
  const flags = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  return spawn(launch.binaries.postgres, ['-D', launch.dataDir, ...flags], {
    cwd: '/',
    env: serverEnvironment(),
    detached: true,
    stdio: ['ignore', log.fd, log.fd],
    ...(launch.user && { uid: launch.user.uid, gid: launch.user.gid }),
  });
}

async function canConnect(url: string): Promise<boolean> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 2_000 });
  client.on('error', () => undefined);
  try {
    await client.connect();
    return true;
  } catch {
    return false;
  } finally {
    await client.end().catch(() => undefined);
  }
}

async function lastWords(logPath: string, from: number): Promise<string> {
  const text = (await readFile(logPath).catch(() => Buffer.alloc(0))).subarray(from).toString('utf8');
  const lines = text.split('\n').filter((line) => /(FATAL|PANIC|could not)/.test(line));
  return lines.at(-1)?.replace(/^.*?(FATAL|PANIC):\s*/, '') ?? text.trim().split('\n').at(-1) ?? '';
}

/** @returns False when the server ended before it was ready. */
async function untilReady(child: ChildProcess, adminUrl: string): Promise<boolean> {
  const until = performance.now() + READY_DEADLINE_MS;
  while (performance.now() < until) {
    if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return false;
    if (await canConnect(adminUrl)) return true;
    await delay(20);
  }
  child.kill('SIGQUIT');
  return false;
}

async function ensureDatabase(adminUrl: string): Promise<void> {
  const client = new pg.Client({ connectionString: adminUrl });
  await client.connect();
  try {
    const found = await client.query('select from pg_database where datname = $1', [DATABASE]);
    if (found.rowCount === 0) await client.query(`create database ${DATABASE}`);
  } finally {
    await client.end();
  }
}

function endOf(child: ChildProcess): Promise<void> {
  return new Promise((done) => {
    child.once('error', () => {
      done();
    });
    child.once('exit', () => {
      done();
    });
  });
}

async function within(promise: Promise<void>, ms: number): Promise<boolean> {
  const timer = new AbortController();
  try {
    return await Promise.race([promise.then(() => true), delay(ms, false, { signal: timer.signal })]);
  } finally {
    timer.abort();
  }
}

async function stopServer(child: ChildProcess, exited: Promise<void>): Promise<void> {
  child.ref();
  for (const [signal, patienceMs] of [
    ['SIGINT', FAST_STOP_MS],
    ['SIGQUIT', IMMEDIATE_STOP_MS],
  ] as const) {
    child.kill(signal);
    if (await within(exited, patienceMs)) return;
  }
  child.kill('SIGKILL');
  await exited;
}

async function launchServer(launch: Launch): Promise<EmbeddedPostgres> {
  const logPath = `${launch.dataDir}.log`;
  const adminUrl = launch.url.replace(/\/[^/]*$/, '/postgres');
  const log = await openLog(logPath);
  const logStart = (await log.stat()).size;
  const child = spawnServer(launch, log);
  await log.close();
  const exited = endOf(child);
  // Whatever way this process ends that still runs code, the server does not stay behind.
  const onExit = (): void => {
    child.kill('SIGINT');
  };
  process.once('exit', onExit);
  void exited.then(() => process.off('exit', onExit));
  if (!(await untilReady(child, adminUrl)) || child.pid === undefined) {
    await within(exited, IMMEDIATE_STOP_MS);
    const reason = await lastWords(logPath, logStart);
    throw new EmbeddedPostgresError(
      `PostgreSQL did not start: ${reason || 'it gave no reason'} (see ${logPath}).`,
    );
  }
  let stopping: Promise<void> | undefined;
  const stop = (): Promise<void> => (stopping ??= stopServer(child, exited));
  try {
    await ensureDatabase(adminUrl);
  } catch (thrown) {
    await stop();
    throw thrown;
  }
  child.unref();
  return { url: launch.url, port: launch.port, pid: child.pid, exited, stop };
}

/**
 * Starts the PostgreSQL that npm installed, on a data folder that is created when it is not there. As root it runs as
 * a system user of its own. Start it again on the same folder and port after it was killed.
 * @throws EmbeddedPostgresError with a sentence for people: folder unusable, port taken, already running.
 */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const dataDir = resolve(options.dataDir);
  const home = dirname(dataDir);
  const user = await serverUser();
  await prepareHome(home, user);
  const unlock = await lockInstance(`${dataDir}.lock`, dataDir);
  try {
    const binaries = await findBinaries(home, user);
    const password = await ensureCluster(binaries, dataDir, user);
    await clearLeftovers(dataDir);
    const port = await freePort(options.port);
    const url = `postgres://${SUPERUSER}:${password}@127.0.0.1:${String(port)}/${DATABASE}`;
    const server = await launchServer({
      binaries,
      user,
      dataDir,
      port,
      url,
      settings: options.settings ?? {},
    });
    void server.exited.then(unlock);
    return {
      ...server,
      stop: async () => {
        await server.stop();
        await unlock();
      },
    };
  } catch (thrown) {
    await unlock();
    throw thrown;
  }
}
