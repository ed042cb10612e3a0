import { readFile } from 'node:fs/promises';
import type { FastifyInstance } from 'fastify';
import type { Registry } from 'prom-client';
import { createIdentitySigner } from '@weir/graphql/identity-token';
import { createOperationMetrics } from '@weir/graphql/operation-metrics';
import { createAdminServer } from '@weir/service/admin-server';
import { createLifecycle, type Lifecycle } from '@weir/service/lifecycle';
import type { Logger } from '@weir/service/logger';
import { createMetrics } from '@weir/service/metrics';
import type { Running } from '@weir/service/running';
import { createAuthenticator } from './auth/authenticator.ts';
import { createBrowser } from './auth/browser.ts';
import { createIsOwnPage } from './auth/own-page.ts';
import { hearSessionSignals } from './auth/session-signals.ts';
import { createIdentityClient } from './auth/identity-client.ts';
import { serveOAuth } from './auth/oauth.ts';
import { serveOidc } from './auth/oidc.ts';
import { createReturnTo } from './auth/return-to.ts';
import { createSessionCookies } from './auth/session-cookies.ts';
import type { Config } from './config.ts';
import { createContextFactory } from './context.ts';
import { serveExplorer } from './explorer/explorer.ts';
import { startApollo } from './http/apollo.ts';
import { allowOrigins } from './http/cross-origin.ts';
import { createApp, serveGraphql } from './http/app.ts';
import { serveJwks } from './http/jwks.ts';
import { serveAuditExports } from './http/audit-exports.ts';
import { loadRegisteredOperations } from './operations/registered-operations.ts';
import { createSubscriptions } from './subscriptions/subscriptions.ts';
import { subgraphChecks } from './supergraph/subgraph-checks.ts';
import { createSubgraphDispatcher, createSubgraphFetch } from './supergraph/subgraph-fetch.ts';
import { createSupergraph } from './supergraph/supergraph.ts';

export interface GatewayDeps {
  readonly log: Logger;
  readonly registry?: Registry;
  /** The composed schema; the committed one by default. */
  readonly supergraphSdl?: string;
}

const VERSION = '0.1.0';
const SERVICE = 'gateway';
const STOP_GRACE_MS = 10_000;
const SUPERGRAPH_FILE = new URL('../supergraph.graphql', import.meta.url);

/** Serves the supergraph. Rejects when a port is taken, a subgraph has no URL or the schema is not valid. */
export async function start(config: Config, deps: GatewayDeps): Promise<Running> {
  const lifecycle = createLifecycle({ log: deps.log, graceMs: STOP_GRACE_MS });
  try {
    const ports = await startParts(config, deps, lifecycle);
    return {
      ports,
      async stop() {
        await lifecycle.stop();
      },
    };
  } catch (error) {
    await lifecycle.stop();
    throw error;
  }
}

async function startParts(
  config: Config,
  deps: GatewayDeps,
  lifecycle: Lifecycle,
): Promise<Running['ports']> {
  const { log } = deps;
  const registry = deps.registry ?? createMetrics({ service: SERVICE, processMetrics: false });
  const metrics = createOperationMetrics(registry);
  const supergraphSdl = deps.supergraphSdl ?? (await readFile(SUPERGRAPH_FILE, 'utf8'));
  const file = config.registeredOperationsFile;
  const registered = file === undefined ? undefined : loadRegisteredOperations(file);
  const signer = createIdentitySigner(config.internalSecret);
  const createContext = createContextFactory(signer, log);

  const dispatcher = createSubgraphDispatcher();
  lifecycle.add({ name: 'connections', stop: () => dispatcher.destroy() });
  const authenticator = createAuthenticator({
    identityUrl: config.subgraphUrls['identity'] ?? '',
    internalSecret: config.internalSecret,
    dispatcher,
  });
  const fetcher = createSubgraphFetch(dispatcher, config.subgraphTimeoutMs);
  const supergraph = createSupergraph({ supergraphSdl, subgraphUrls: config.subgraphUrls, fetcher, log });
  const apollo = await startApollo({
    gateway: supergraph.gateway,
    introspection: config.introspection,
    tokensMax: config.limits.tokens,
    limits: config.limits,
    registered,
    metrics,
    log,
  });
  lifecycle.add({ name: 'apollo', stop: () => apollo.stop() });
  const checks = subgraphChecks(Object.keys(supergraph.dataSources), config.subgraphUrls, signer, fetcher);
  const admin = await createAdminServer({
    host: config.adminHost,
    port: config.adminPort,
    service: SERVICE,
    version: VERSION,
    checks,
    registry,
    log,
  });
  lifecycle.add({ name: 'admin', stop: () => admin.stop() });

  const app = createApp({
    bodyBytesMax: config.limits.bodyBytes,
    trustedProxies: config.trustedProxies,
    log,
  });
  allowOrigins(app, config.allowedOrigins);
  serveJwks(app, {
    identityUrl: config.subgraphUrls['identity'] ?? '',
    internalSecret: config.internalSecret,
    dispatcher,
  });
  if (config.explorer) serveExplorer(app);
  serveAuditExports(app, {
    identityUrl: config.subgraphUrls['identity'] ?? '',
    internalSecret: config.internalSecret,
    dispatcher,
  });
  const isSecure = config.publicUrl?.startsWith('https:') ?? false;
  const origins = [config.publicUrl ?? '', ...config.allowedOrigins];
  const cookies = createSessionCookies(isSecure);
  const browser = createBrowser(cookies, createIsOwnPage({ origins, anyName: !isSecure }));
  serveGraphql(app, { apollo, authenticator, browser, cookies, createContext });
  const identity = createIdentityClient({
    identityUrl: config.subgraphUrls['identity'] ?? '',
    internalSecret: config.internalSecret,
    dispatcher,
  });
  serveOAuth(app, { identity, publicUrl: config.publicUrl });
  serveOidc(app, {
    identity,
    cookies,
    publicUrl: config.publicUrl,
    returnTo: createReturnTo(config.publicUrl, config.allowedOrigins),
  });
  lifecycle.add({ name: 'http', stop: (signal) => closeHttp(app, signal) });
  const subscriptions = createSubscriptions({
    config,
    httpServer: app.server,
    supergraphSdl,
    dataSources: supergraph.dataSources,
    authenticator,
    browser,
    createContext,
    registered,
    metrics,
    log,
  });
  lifecycle.add({ name: 'subscriptions', stop: (signal) => subscriptions.stop(signal) });
  const stopHearing = hearSessionSignals({
    identityUrl: config.subgraphUrls['identity'] ?? '',
    internalSecret: config.internalSecret,
    dispatcher,
    log,
    onSignal(signal) {
      authenticator.forget(signal);
      subscriptions.recheck(signal);
    },
    onBegin() {
      authenticator.forget();
      subscriptions.recheck();
    },
    onSilence: () => subscriptions.recheck(),
  });
  lifecycle.add({ name: 'session signals', stop: stopHearing });
  lifecycle.add({ name: 'readiness', stop: () => admin.drain() });
  await app.listen({ host: config.host, port: config.port });
  return { http: portOf(app), admin: admin.port };
}

function portOf(app: FastifyInstance): number {
  const [address] = app.addresses();
  if (address === undefined || typeof address === 'string')
    throw new Error('the server does not listen on a port');
  return address.port;
}

/** Answers what is in flight, then closes; what still runs at the deadline is cut. */
async function closeHttp(app: FastifyInstance, deadline: AbortSignal): Promise<void> {
  const cut = (): void => app.server.closeAllConnections();
  deadline.addEventListener('abort', cut, { once: true });
  await app.close();
  deadline.removeEventListener('abort', cut);
}
