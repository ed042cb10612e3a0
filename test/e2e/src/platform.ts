import { spawn, type ChildProcess } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DemoAccess } from '@weir/embedded/demo-file';
import { createTestDatabase } from '@weir/testkit/postgres';
import { testRedisUrl } from '@weir/testkit/redis';
import { descendants, type SystemProcess } from './processes.ts';
import { until } from './until.ts';

const root = join(import.meta.dirname, '../../..');
const ANY_PORT = Object.fromEntries(
  [
    'PROXY_PORT',
    'PROXY_ADMIN_PORT',
    'GATEWAY_PORT',
    'GATEWAY_ADMIN_PORT',
    'IDENTITY_PORT',
    'IDENTITY_ADMIN_PORT',
    'BILLING_PORT',
    'BILLING_ADMIN_PORT',
    'ANALYTICS_PORT',
    'ANALYTICS_ADMIN_PORT',
  ].map((setting) => [setting, '0']),
);

/** A launcher that runs, seen from outside: its process, what it printed, and what it wrote for a newcomer. */
export interface Launched {
  readonly process: ChildProcess;
  output(): string;
  /** The exit code, once it has ended. */
  readonly ended: Promise<number | null>;
}

export interface Platform extends Launched {
  readonly mode: Mode;
  readonly home: string;
  readonly access: DemoAccess;
  /** For looking into the ledger as its owner. */
  readonly databaseUrl: string;
  /** The running processes whose command holds the text, for example `router-proxy`. */
  processes(text: string): SystemProcess[];
  /** Ends it as Ctrl-C's polite brother would, and answers the exit code. */
  stop(): Promise<number | null>;
  /** Stops it and forgets its data. */
  [Symbol.asyncDispose](): Promise<void>;
}

export type Mode = 'embedded' | 'cluster';

/** The modes that can run here: the cluster needs a Redis, and says loudly when there is none. */
export function modes(): Mode[] {
  return testRedisUrl() === undefined ? ['embedded'] : ['embedded', 'cluster'];
}

/** A folder that PostgreSQL's own user may traverse when the tests run as root. */
export function newHome(): string {
  const folder = mkdtempSync(join(tmpdir(), 'weir-e2e-'));
  chmodSync(folder, 0o755);
  return join(folder, 'home');
}

export function launch(entry: 'main' | 'cluster-main', environment: Record<string, string>): Launched {
  const child = spawn(process.execPath, [join(root, `embedded/src/${entry}.ts`)], {
    cwd: root,
    env: { PATH: process.env['PATH'] ?? '', LOG_LEVEL: 'warn', ...ANY_PORT, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let printed = '';
  const collect = (chunk: Buffer): void => {
    printed = (printed + chunk.toString()).slice(-200_000);
  };
  child.stdout.on('data', collect);
  child.stderr.on('data', collect);
  return {
    process: child,
    output: () => printed,
    ended: new Promise((resolve) => child.once('close', (code) => resolve(code))),
  };
}

export async function startPlatform(
  mode: Mode,
  options: { home?: string; environment?: Record<string, string> } = {},
): Promise<Platform> {
  const home = options.home ?? newHome();
  const database = mode === 'cluster' ? await createTestDatabase() : undefined;
  const launched = launch(mode === 'cluster' ? 'cluster-main' : 'main', {
    WEIR_HOME: home,
    ...(database ? { DATABASE_URL: database.url, REDIS_URL: testRedisUrl() ?? '' } : {}),
    ...options.environment,
  });
  const stop = async (): Promise<number | null> => {
    launched.process.kill('SIGTERM');
    return launched.ended;
  };
  const dispose = async (): Promise<void> => {
    await stop();
    await database?.drop();
    rmSync(join(home, '..'), { recursive: true, force: true });
  };
  const isReady = (): true | undefined => {
    if (launched.process.exitCode !== null) throw new Error(`the launcher ended:\n${launched.output()}`);
    return launched.output().includes('weir is ready') || undefined;
  };
  try {
    await until(`"weir is ready" of ${mode}`, isReady, 60_000);
  } catch (thrown) {
    await dispose();
    throw thrown;
  }
  const access = JSON.parse(readFileSync(join(home, 'demo.json'), 'utf8')) as DemoAccess;
  return {
    ...launched,
    mode,
    home,
    access,
    databaseUrl: database?.url ?? readFileSync(join(home, 'database-url'), 'utf8').trim(),
    processes: (text) =>
      descendants(launched.process.pid ?? 0).filter(({ command }) => command.includes(text)),
    stop,
    [Symbol.asyncDispose]: dispose,
  };
}
