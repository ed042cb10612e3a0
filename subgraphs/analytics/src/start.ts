import type { Registry } from 'prom-client';
import { createRefusalAudit } from '@weir/graphql/audit-refusals';
import { createBoundedAudit } from '@weir/graphql/bounded-audit';
import { loadTypeDefs } from '@weir/graphql/sdl';
import { startSubgraph } from '@weir/graphql/subgraph-server';
import { systemClock } from '@weir/kernel/clock';
import { createDatabase } from '@weir/prisma/database';
import { createLifecycle, type Lifecycle } from '@weir/service/lifecycle';
import { createListener, type Listener } from '@weir/service/listener';
import type { Logger } from '@weir/service/logger';
import { createMetrics } from '@weir/service/metrics';
import { createProjector } from '@weir/service/projector';
import type { Running } from '@weir/service/running';
import type { Config } from './config.ts';
import type { Context } from './context.ts';
import { createLoaders } from './loaders.ts';
import { ANALYTICS_PROJECTOR_ROLE, usageProjection } from './projection/usage-projection.ts';
import { startNightlyProof } from './proof/nightly-proof.ts';
import { resolvers } from './resolvers.ts';
import { startUsageRetention } from './retention/usage-retention.ts';

const VERSION = '0.1.0';
const STOP_GRACE_MS = 10_000;
/** Usage is to be visible within two seconds; gathering rows for a quarter of that spares the database most batches. */
const MIN_INTERVAL_MS = 500;
const BATCH_ROWS = 2_000;

interface Parts {
  readonly config: Config;
  readonly log: Logger;
  readonly registry: Registry;
  readonly lifecycle: Lifecycle;
}

/** Keeps the sums up to date, proves every night that they are right, and removes what is not kept any longer. */
function startBackground({ config, log, registry, lifecycle }: Parts): Listener {
  const projector = createProjector({
    url: config.databaseUrl,
    role: ANALYTICS_PROJECTOR_ROLE,
    projection: usageProjection,
    registry,
    log,
    batchRows: BATCH_ROWS,
    pollMs: config.pollMs,
    minIntervalMs: MIN_INTERVAL_MS,
  });
  lifecycle.add({ name: 'projector', stop: () => projector.stop() });
  const proof = startNightlyProof({
    url: config.databaseUrl,
    ...config.proof,
    isLeading: () => projector.state() === 'leading',
    registry,
    log,
  });
  lifecycle.add({ name: 'proof', stop: () => proof.stop() });
  const retention = startUsageRetention({ url: config.databaseUrl, clock: systemClock, registry, log });
  lifecycle.add({ name: 'retention', stop: () => retention.stop() });
  const listener = createListener({
    url: config.databaseUrl,
    role: 'weir_analytics',
    applicationName: 'weir-analytics-listener',
    log,
    on: { ledger: () => projector.wake() },
    onConnected: () => projector.wake(),
  });
  lifecycle.add({ name: 'listener', stop: () => listener.stop() });
  return listener;
}

async function startParts(parts: Parts): Promise<Running> {
  const { config, log, registry, lifecycle } = parts;
  const db = createDatabase({
    url: config.databaseUrl,
    role: 'weir_analytics',
    onError: (err) => log.warn({ err }, 'database connection lost'),
  });
  lifecycle.add({ name: 'database', stop: () => db.$disconnect() });
  const refusals = createBoundedAudit({ log, clock: systemClock });
  lifecycle.add({ name: 'refusals', stop: () => refusals.settled() });
  const listener = startBackground(parts);
  const server = await startSubgraph<Context>({
    name: 'analytics',
    version: VERSION,
    host: config.host,
    port: config.port,
    adminHost: config.adminHost,
    adminPort: config.adminPort,
    internalSecret: config.internalSecret,
    log,
    registry,
    typeDefs: loadTypeDefs(new URL('./modules', import.meta.url)),
    resolvers,
    onErrors: createRefusalAudit(db, refusals),
    createContext: (operation) => ({ ...operation, loaders: createLoaders(db, operation.identity) }),
    checks: [
      { name: 'postgres', required: true, run: async () => void (await db.$queryRaw`select 1`) },
      {
        name: 'signals',
        required: false,
        run: () => {
          if (!listener.isConnected()) throw new Error('not listening to database signals');
        },
      },
    ],
  });
  lifecycle.add({ name: 'server', stop: () => server.stop() });
  return server;
}

/** Starts the analytics subgraph and its projection. Rejects when a port is taken. */
export async function start(config: Config, { log }: { log: Logger }): Promise<Running> {
  const lifecycle = createLifecycle({ log, graceMs: STOP_GRACE_MS });
  const registry = createMetrics({ service: 'analytics', processMetrics: false });
  const stop = async (): Promise<void> => void (await lifecycle.stop());
  try {
    const { ports } = await startParts({ config, log, registry, lifecycle });
    return { ports, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
