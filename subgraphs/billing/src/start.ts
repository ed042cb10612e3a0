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
import { Counter, Gauge, type Registry } from 'prom-client';
import type { Config } from './config.ts';
import type { Context, Services } from './context.ts';
import { createLoaders } from './loaders.ts';
import { createAlertFeed, type AlertFeed } from './modules/alerts/alert-feed.ts';
import { createAlertService, createAlertSource } from './modules/alerts/alert-service.ts';
import { createBudgetService } from './modules/budgets/budget-service.ts';
import { createPriceService } from './modules/prices/price-service.ts';
import { createCreditService } from './modules/credit/credit-service.ts';
import { BILLING_PROJECTOR_ROLE, createSpendProjection } from './projection/spend-projection.ts';
import { resolvers } from './resolvers.ts';
import { createTenantReader } from './tenant-reader.ts';

const VERSION = '0.1.0';
const STOP_GRACE_MS = 10_000;
/**
 * Alerts are to be told within 250 ms; gathering rows for a third of that spares the database most batches under load. It
 * is less than the pace of a proxy's own batches, so that a batch here waits for those rather than for the interval.
 */
const MIN_INTERVAL_MS = 80;
/**
 * Should a signal ever be lost on a connection that looks alive, its alert is late by this much and no more. A lost
 * connection is noticed much sooner; each round costs a statement per organization that is watched.
 */
const ALERT_POLL_MS = 15_000;

interface Parts {
  readonly config: Config;
  readonly log: Logger;
  readonly registry: Registry;
  readonly lifecycle: Lifecycle;
}

function createAlertCounter(registry: Registry): Counter {
  return new Counter({
    name: 'weir_budget_alerts_raised_total',
    help: 'Alerts raised because a threshold was crossed by spend.',
    registers: [registry],
  });
}

function observeFeed(registry: Registry, feed: AlertFeed): void {
  new Gauge({
    name: 'weir_budget_alert_subscribers',
    help: 'Streams of alerts that are open.',
    registers: [registry],
    collect() {
      this.set(feed.subscribers());
    },
  });
}

/** Keeps spend up to date and alerts flowing: the projection, the signals that wake both, and a poll beside them. */
function startBackground({ config, log, registry, lifecycle }: Parts, feed: AlertFeed): Listener {
  const projector = createProjector({
    url: config.databaseUrl,
    role: BILLING_PROJECTOR_ROLE,
    projection: createSpendProjection(createAlertCounter(registry)),
    registry,
    log,
    pollMs: config.pollMs,
    minIntervalMs: MIN_INTERVAL_MS,
  });
  lifecycle.add({ name: 'projector', stop: () => projector.stop() });
  const listener = createListener({
    url: config.databaseUrl,
    role: 'weir_billing',
    applicationName: 'weir-billing-listener',
    log,
    on: {
      ledger: () => projector.wake(),
      alert: (signal) => feed.onAlert(signal),
      session: (signal) => feed.onSession(signal),
    },
    onConnected: async () => {
      projector.wake();
      await feed.catchUp();
    },
  });
  lifecycle.add({ name: 'listener', stop: () => listener.stop() });
  const poll = setInterval(() => void feed.catchUp(), ALERT_POLL_MS);
  lifecycle.add({ name: 'alert poll', stop: () => clearInterval(poll) });
  return listener;
}

async function startParts(parts: Parts): Promise<Running> {
  const { config, log, registry, lifecycle } = parts;
  const db = createDatabase({
    url: config.databaseUrl,
    role: 'weir_billing',
    onError: (err) => log.warn({ err }, 'database connection lost'),
  });
  lifecycle.add({ name: 'database', stop: () => db.$disconnect() });
  const refusals = createBoundedAudit({ log, clock: systemClock });
  lifecycle.add({ name: 'refusals', stop: () => refusals.settled() });
  const clock = systemClock;
  const reader = createTenantReader({ url: config.databaseUrl, log });
  lifecycle.add({ name: 'reader', stop: () => reader.close() });
  const feed = createAlertFeed({ source: createAlertSource(reader), log });
  observeFeed(registry, feed);
  const listener = startBackground(parts, feed);
  const services: Services = {
    budgets: createBudgetService({ db, reader, clock }),
    alerts: createAlertService({ reader, feed }),
    prices: createPriceService({ db, clock }),
    credit: createCreditService({ db, clock }),
  };
  const server = await startSubgraph<Context>({
    name: 'billing',
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
    createContext: (operation) => ({
      ...operation,
      services,
      clock,
      loaders: createLoaders(reader, operation.identity, clock),
    }),
    checks: [
      { name: 'postgres', required: true, run: () => reader.check() },
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

/** Starts the billing subgraph, its projection and its alerts. Rejects when a port is taken. */
export async function start(config: Config, { log }: { log: Logger }): Promise<Running> {
  const lifecycle = createLifecycle({ log, graceMs: STOP_GRACE_MS });
  const registry = createMetrics({ service: 'billing', processMetrics: false });
  const stop = async (): Promise<void> => void (await lifecycle.stop());
  try {
    const { ports } = await startParts({ config, log, registry, lifecycle });
    return { ports, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
