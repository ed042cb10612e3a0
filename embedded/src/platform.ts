import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { startDemoProvider } from '@weir/demo-provider/demo-provider';
import { migrate } from '@weir/prisma/migrate';
import type { Lifecycle } from '@weir/service/lifecycle';
import type { Logger } from '@weir/service/logger';
import { superviseChild } from './child.ts';
import type { LauncherConfig } from './config.ts';
import { writeDemoFile, type DemoAccess } from './demo-file.ts';
import { reachable, serviceEnvironment } from './environment.ts';
import { claimPort } from './ports.ts';
import { loadSecrets, type EmbeddedSecrets } from './secrets.ts';
import { seedDemo } from './seed.ts';
import { claimServicePorts, type ServicePorts } from './service-ports.ts';

const START_TIMEOUT_MS = 45_000;
const STOP_TIMEOUT_MS = 15_000;
const root = join(import.meta.dirname, '../..');

export interface PlatformOptions {
  readonly config: LauncherConfig;
  /** Further settings, for the services alone. */
  readonly settings: Readonly<Record<string, string>>;
  readonly databaseUrl: string;
  /** Absent: counters live in the one proxy's process. */
  readonly redisUrl?: string;
  readonly proxies: number;
  /** One process for the whole GraphQL side, or one per service. */
  readonly control: 'together' | 'apart';
  readonly lifecycle: Lifecycle;
  readonly log: Logger;
}

const CONTROL_APART = [
  ['identity', 'subgraphs/identity/src/main.ts'],
  ['billing', 'subgraphs/billing/src/main.ts'],
  ['analytics', 'subgraphs/analytics/src/main.ts'],
  ['gateway', 'gateway/src/main.ts'],
] as const;

/** Migrates, seeds the demo, starts every service and tells where it is. What it started is in the lifecycle. */
export async function startPlatform(
  options: PlatformOptions,
): Promise<{ access: DemoAccess; demoFile: string }> {
  const { config, settings, databaseUrl, redisUrl } = options;
  const home = resolve(config.WEIR_HOME);
  mkdirSync(home, { recursive: true });
  const secrets = loadSecrets(join(home, 'secrets.json'));
  const ports = await claimServicePorts(config);
  await migrate(databaseUrl);
  const provider = await demoProvider(options, secrets);
  const demo = await seedDemo({ databaseUrl, secrets, provider });
  const environment = serviceEnvironment({
    config,
    settings,
    ports,
    secrets,
    home,
    databaseUrl,
    ...(redisUrl === undefined ? {} : { redisUrl }),
  });

  const [, inferencePorts] = await Promise.all([
    startControl(options, environment),
    startProxies(options, environment, ports),
  ]);

  const at = (port: number, scheme = 'http') => `${scheme}://${reachable(config.HOST)}:${port}`;
  const inferenceUrls = inferencePorts.map((port) => `${at(port)}/v1`);
  const access: DemoAccess = {
    graphqlUrl: `${at(ports.GATEWAY_PORT)}/graphql`,
    graphqlWsUrl: `${at(ports.GATEWAY_PORT, 'ws')}/graphql`,
    inferenceUrl: inferenceUrls[0] ?? '',
    portalUrl: at(ports.GATEWAY_PORT),
    organizationId: demo.organizationId,
    email: demo.email,
    password: secrets.demoPassword,
    apiKey: secrets.demoApiKey,
    inferenceUrls,
  };
  const demoFile = join(home, 'demo.json');
  writeDemoFile(demoFile, access);
  return { access, demoFile };
}

async function demoProvider(
  { config, lifecycle }: PlatformOptions,
  secrets: EmbeddedSecrets,
): Promise<{ url: string; apiKey: string }> {
  if (config.DEMO_PROVIDER_URL !== undefined) {
    return { url: config.DEMO_PROVIDER_URL, apiKey: config.DEMO_PROVIDER_API_KEY ?? secrets.providerKey };
  }
  const port = await claimPort('127.0.0.1', config.DEMO_PROVIDER_PORT, 'DEMO_PROVIDER_PORT');
  const provider = await startDemoProvider({ port, apiKeys: [secrets.providerKey] });
  lifecycle.add({ name: 'demo provider', stop: () => provider.stop() });
  return { url: provider.url, apiKey: secrets.providerKey };
}

async function startControl(
  { control, lifecycle, log }: PlatformOptions,
  environment: Record<string, string>,
): Promise<void> {
  const entries =
    control === 'together' ? [['control', 'embedded/src/control-main.ts'] as const] : CONTROL_APART;
  await Promise.all(
    entries.map(async ([name, entry]) => {
      const child = await superviseChild({ ...timeouts, name, entry: join(root, entry), environment, log });
      lifecycle.add({ name, stop: () => child.stop() });
    }),
  );
}

/**
 * Left alone, Node lets a busy proxy collect several times what its requests need before it cleans up. A bound on the
 * young generation, and an old one that is collected when it has doubled, keep it below 256 MiB (docs/performance.md).
 */
const PROXY_NODE_OPTIONS = ['--max-semi-space-size=16', '--heap-growing-percent=100'];

const timeouts = { startTimeoutMs: START_TIMEOUT_MS, stopTimeoutMs: STOP_TIMEOUT_MS };

async function startProxies(
  { config, proxies, lifecycle, log }: PlatformOptions,
  environment: Record<string, string>,
  ports: ServicePorts,
): Promise<number[]> {
  const inferencePorts = [ports.PROXY_PORT];
  const adminPorts = [ports.PROXY_ADMIN_PORT];
  for (let further = 1; further < proxies; further++) {
    inferencePorts.push(await claimPort(config.HOST, 0, 'PROXY_PORT'));
    adminPorts.push(await claimPort(config.ADMIN_HOST, 0, 'PROXY_ADMIN_PORT'));
  }
  await Promise.all(
    inferencePorts.map(async (port, index) => {
      const name = proxies === 1 ? 'proxy' : `proxy ${index + 1}`;
      const child = await superviseChild({
        ...timeouts,
        name,
        entry: join(root, 'router-proxy/src/main.ts'),
        nodeOptions: PROXY_NODE_OPTIONS,
        environment: {
          ...environment,
          PROXY_PORT: String(port),
          PROXY_ADMIN_PORT: String(adminPorts[index]),
        },
        log,
      });
      lifecycle.add({ name, stop: () => child.stop() });
    }),
  );
  return inferencePorts;
}
