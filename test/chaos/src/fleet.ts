import { randomBytes } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { startDemoProvider, type DemoProvider } from '@weir/demo-provider/demo-provider';
import { claimPort } from '@weir/embedded/ports';
import { seedDemo } from '@weir/embedded/seed';
import { loadSecrets } from '@weir/embedded/secrets';
import { startService, type ServiceProcess } from './service-process.ts';
import { startStores, type Stores } from './stores.ts';
import { seedTenant, type ChaosTenant } from './tenant.ts';

export interface Proxy extends ServiceProcess {
  readonly url: string;
}

/** Everything that a scenario plays with. The provider runs here, so that its book outlives whatever is killed. */
export interface Fleet {
  readonly stores: Stores;
  readonly provider: DemoProvider;
  readonly proxies: readonly Proxy[];
  readonly tenant: ChaosTenant;
  stop(): Promise<void>;
}

export interface FleetOptions {
  readonly proxies: number;
  readonly limitNano: bigint;
  /** How long a dead proxy's holds are believed. */
  readonly leaseSeconds: number;
}

const PROVIDER_KEY = 'sk-demo-chaos';
const HOST = '127.0.0.1';

/** Proxies that share nothing but PostgreSQL and Redis: each has a home of its own, as on machines of their own. */
export async function startFleet(options: FleetOptions): Promise<Fleet> {
  const stores = await startStores();
  const stops: (() => Promise<void>)[] = [() => stores.stop()];
  const stop = async (): Promise<void> => {
    for (const each of stops.toReversed()) await each();
  };
  try {
    const provider = await startDemoProvider({ apiKeys: [PROVIDER_KEY] });
    stops.push(() => provider.stop());
    const secrets = loadSecrets(join(stores.folder, 'secrets.json'));
    const { organizationId } = await seedDemo({
      databaseUrl: stores.databaseUrl,
      secrets,
      provider: { url: provider.url, apiKey: PROVIDER_KEY },
    });
    const tenant = await seedTenant(stores.databaseUrl, organizationId, options.limitNano);
    const environment = {
      DATABASE_URL: stores.databaseUrl,
      REDIS_URL: stores.redisUrl,
      WEIR_MASTER_KEY: secrets.masterKey,
      LOG_LEVEL: 'warn',
      // Where the provider of the run listens.
      WEIR_PRIVATE_PROVIDERS: '127.0.0.0/8',
      PROXY_ADMIN_PORT: '0',
      PROXY_GRACE: '5s',
      PROXY_LEASE: `${options.leaseSeconds}s`,
    };
    const billing = await startService(
      'subgraphs/billing/src/main.ts',
      {
        DATABASE_URL: stores.databaseUrl,
        WEIR_INTERNAL_SECRET: randomBytes(32).toString('base64url'),
        LOG_LEVEL: 'warn',
        BILLING_PORT: '0',
        BILLING_ADMIN_PORT: '0',
      },
      join(stores.folder, 'billing.log'),
    );
    stops.push(() => billing.stop());
    const proxies = await Promise.all(
      Array.from({ length: options.proxies }, async (_, index) => {
        const home = join(stores.folder, `proxy-${index + 1}`);
        mkdirSync(home);
        const port = await claimPort(HOST, 0, 'PROXY_PORT');
        const service = await startService(
          'router-proxy/src/main.ts',
          { ...environment, WEIR_HOME: home, PROXY_PORT: String(port) },
          join(stores.folder, `proxy-${index + 1}.log`),
        );
        stops.push(() => service.stop());
        return { ...service, url: `http://${HOST}:${port}/v1` };
      }),
    );
    return { stores, provider, proxies, tenant, stop };
  } catch (thrown) {
    await stop();
    throw thrown;
  }
}
