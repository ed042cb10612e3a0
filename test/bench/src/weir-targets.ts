import { mkdtempSync, readFileSync, rmSync, chmodSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startEmbeddedPostgres } from '@weir/prisma/embedded-postgres';
import { startPrivateRedis } from '@weir/testkit/redis';
import { freePort, residentMiB, spawnUntil, stopChild } from './child-process.ts';
import { everythingOn } from './everything-on.ts';
import { ledgerProof } from './ledger-proof.ts';
import type { Target } from './target.ts';
import type { Provider } from './targets.ts';
import { proxyPid, weirRoles } from './weir-roles.ts';

const root = join(import.meta.dirname, '../../..');

export interface Weir extends Target {
  readonly access: {
    readonly graphqlUrl: string;
    readonly graphqlWsUrl: string;
    readonly inferenceUrls: readonly string[];
  } & Record<'inferenceUrl' | 'organizationId' | 'email' | 'password' | 'apiKey', string>;
  readonly databaseUrl: string;
  readonly proxyMetricsUrl: string;
  /** Milliseconds from the start of the command to `weir is ready`. */
  readonly startMs: number;
}

const ANY_PORT = Object.fromEntries(
  ['PROXY', 'GATEWAY', 'IDENTITY', 'BILLING', 'ANALYTICS'].flatMap((name) => [
    [`${name}_PORT`, '0'],
    [`${name}_ADMIN_PORT`, '0'],
  ]),
);

/** A folder that PostgreSQL's own user may traverse when this runs as root. */
function newHome(): string {
  const folder = mkdtempSync(join(tmpdir(), 'weir-bench-'));
  chmodSync(folder, 0o755);
  return folder;
}

async function startWeir(
  name: string,
  entry: 'main' | 'cluster-main',
  provider: Provider,
  environment: Record<string, string>,
  cleanUp: () => Promise<void>,
): Promise<Weir> {
  const home = newHome();
  const adminPort = await freePort();
  const startedAt = performance.now();
  const child = await spawnUntil(
    process.execPath,
    [join(root, `embedded/src/${entry}.ts`)],
    'weir is ready',
    {
      ...ANY_PORT,
      PROXY_ADMIN_PORT: String(adminPort),
      WEIR_HOME: join(home, 'home'),
      LOG_LEVEL: 'warn',
      DEMO_PROVIDER_URL: provider.url,
      DEMO_PROVIDER_API_KEY: provider.apiKey,
      ...environment,
    },
  );
  const startMs = performance.now() - startedAt;
  const access = JSON.parse(readFileSync(join(home, 'home/demo.json'), 'utf8')) as Weir['access'];
  const databaseUrl =
    environment['DATABASE_URL'] ?? readFileSync(join(home, 'home/database-url'), 'utf8').trim();
  await everythingOn(databaseUrl);
  return {
    name,
    url: access.inferenceUrl,
    headers: { authorization: `Bearer ${access.apiKey}` },
    access,
    databaseUrl,
    proxyMetricsUrl: `http://127.0.0.1:${adminPort}/metrics`,
    startMs,
    memoryMiB: async () => residentMiB(proxyPid(child.pid ?? 0)),
    roles: () => weirRoles(child.pid ?? 0, databaseUrl),
    proof: () => ledgerProof(databaseUrl),
    async stop() {
      await stopChild(child);
      await cleanUp();
      rmSync(home, { recursive: true, force: true });
    },
  };
}

/** The default: PostgreSQL from npm, counters in the proxy's process. */
export function embeddedTarget(provider: Provider): Promise<Weir> {
  return startWeir('Weir, embedded', 'main', provider, {}, async () => undefined);
}

/** One proxy on Redis and PostgreSQL, every service a process of its own. */
export async function redisTarget(provider: Provider, proxies = 1): Promise<Weir> {
  const folder = newHome();
  const postgres = await startEmbeddedPostgres({ dataDir: join(folder, 'postgres'), port: 0 });
  const redis = await startPrivateRedis();
  return startWeir(
    'Weir, Redis + PostgreSQL',
    'cluster-main',
    provider,
    { DATABASE_URL: postgres.url, REDIS_URL: redis.url, PROXIES: String(proxies) },
    async () => {
      await redis.kill();
      await postgres.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  );
}
