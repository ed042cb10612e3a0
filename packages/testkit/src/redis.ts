import { spawn, type ChildProcess } from 'node:child_process';
import { accessSync, constants, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Redis } from 'ioredis';

const URL_VARIABLE = 'WEIR_TEST_REDIS_URL';
const REQUIRE_VARIABLE = 'WEIR_REQUIRE_SERVICES';
const START_DEADLINE_MS = 60_000;

export interface TestRedis {
  readonly url: string | undefined;
  stop(): Promise<void>;
}

/** A redis-server of its own that keeps nothing on disk; `kill` ends it like a crash. */
export interface PrivateRedis {
  readonly url: string;
  readonly port: number;
  kill(): Promise<void>;
}

/**
 * The Redis of one test run: the one that `WEIR_TEST_REDIS_URL` names, else a private one. The address is left in
 * the environment, where workers and child processes find it with `testRedisUrl`.
 * @throws Error when there is none and `WEIR_REQUIRE_SERVICES=1` demands it.
 */
export async function startTestRedis(): Promise<TestRedis> {
  const given = process.env[URL_VARIABLE];
  if (given !== undefined && given !== '') return { url: given, stop: () => Promise.resolve() };
  if (findRedisServer() === undefined) {
    const message = `NO REDIS: tests of the Redis store do not run (install redis-server or set ${URL_VARIABLE})`;
    if (process.env[REQUIRE_VARIABLE] === '1') throw new Error(message);
    process.stderr.write(`\n!!! ${message}\n\n`);
    return { url: undefined, stop: () => Promise.resolve() };
  }
  const server = await startPrivateRedis();
  process.env[URL_VARIABLE] = server.url;
  return {
    url: server.url,
    stop: () => {
      Reflect.deleteProperty(process.env, URL_VARIABLE);
      return server.kill();
    },
  };
}

/** The address that the run's set-up left; undefined where there is no Redis. Use a prefix of your own in it. */
export function testRedisUrl(): string | undefined {
  const url = process.env[URL_VARIABLE];
  if (url !== undefined && url !== '') return url;
  if (process.env[REQUIRE_VARIABLE] === '1')
    throw new Error(`${URL_VARIABLE} is not set, but services are required`);
  return undefined;
}

export interface PrivateRedisOptions {
  /** To come back where an earlier one was; chosen free when absent. */
  readonly port?: number;
  /** A cluster of this one node, which owns every slot: it refuses what a larger one would. */
  readonly cluster?: boolean;
}

/**
 * Starts redis-server on loopback; for tests that take it away and bring it back.
 * @throws Error when redis-server is not in PATH or does not come up in a minute.
 */
export async function startPrivateRedis(options: PrivateRedisOptions = {}): Promise<PrivateRedis> {
  const binary = findRedisServer();
  if (binary === undefined) throw new Error('redis-server is not in PATH');
  const port = options.port ?? (await freePort());
  const directory = mkdtempSync(join(tmpdir(), 'weir-redis-'));
  const settings = [
    '--port',
    String(port),
    '--bind',
    '127.0.0.1',
    '--save',
    '',
    '--appendonly',
    'no',
    '--dir',
    directory,
  ];
  if (options.cluster === true) {
    // A node that never met another does not know its own address, which clients are told.
    settings.push('--cluster-enabled', 'yes', '--cluster-announce-ip', '127.0.0.1');
    settings.push('--cluster-port', String(await freePort()));
  }
  const child = spawn(binary, settings, { stdio: ['ignore', 'pipe', 'inherit'] });
  const onExit = (): void => void child.kill('SIGKILL');
  process.once('exit', onExit);
  const kill = async (): Promise<void> => {
    process.off('exit', onExit);
    if (child.exitCode === null && child.signalCode === null) {
      const gone = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGKILL');
      await gone;
    }
    rmSync(directory, { recursive: true, force: true });
  };
  try {
    await untilReady(child);
    if (options.cluster === true) await ownAllSlots(port);
  } catch (error) {
    await kill();
    throw error;
  }
  return { url: `redis://127.0.0.1:${port}`, port, kill };
}

async function ownAllSlots(port: number): Promise<void> {
  const redis = new Redis({ host: '127.0.0.1', port });
  try {
    await redis.call('CLUSTER', 'ADDSLOTSRANGE', '0', '16383');
    const deadlineMs = Date.now() + START_DEADLINE_MS;
    while (!String(await redis.call('CLUSTER', 'INFO')).includes('cluster_state:ok')) {
      if (Date.now() > deadlineMs) throw new Error('the cluster of one node did not form');
      await delay(20);
    }
  } finally {
    redis.disconnect();
  }
}

function findRedisServer(): string | undefined {
  for (const directory of (process.env['PATH'] ?? '').split(delimiter)) {
    const path = join(directory, 'redis-server');
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // Not in this directory; the next one may have it.
    }
  }
  return undefined;
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      const port = address !== null && typeof address === 'object' ? address.port : 0;
      probe.close(() => {
        resolve(port);
      });
    });
  });
}

function untilReady(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    let output = '';
    const timer = setTimeout(() => {
      fail('did not come up in time');
    }, START_DEADLINE_MS);
    const fail = (why: string): void => {
      clearTimeout(timer);
      reject(new Error(`redis-server ${why}: ${output.slice(-2000)}`));
    };
    child.once('error', (error) => {
      fail(error.message);
    });
    child.once('exit', (code) => {
      fail(`ended with code ${String(code)}`);
    });
    child.stdout?.on('data', (chunk: Buffer) => {
      // After the first lines the log is drained and dropped, so that a full pipe cannot stall the server.
      if (output.length < 20_000) output += chunk.toString();
      if (!output.includes('Ready to accept connections')) return;
      clearTimeout(timer);
      child.removeAllListeners('exit');
      resolve();
    });
  });
}
