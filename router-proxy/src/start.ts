import { systemClock, type Clock } from '@weir/kernel/clock';
import { createAdminServer } from '@weir/service/admin-server';
import type { Check } from '@weir/service/health';
import { createLifecycle, type Lifecycle } from '@weir/service/lifecycle';
import type { Logger } from '@weir/service/logger';
import { createMetrics } from '@weir/service/metrics';
import { createOutboundGuard } from '@weir/service/outbound-guard';
import { createPool, poolCheck } from '@weir/service/postgres';
import type { Running } from '@weir/service/running';
import type { Config } from './config.ts';
import { connectCounters } from './counters.ts';
import { createDrain } from './drain.ts';
import { createTokenCounter } from './estimate/token-counter.ts';
import { listen } from './http/listen.ts';
import { createLiveRequests } from './http/live-requests.ts';
import { createReporter } from './http/report.ts';
import { connectPolicies } from './keys/connect-policies.ts';
import { createOwnedSecretOpener } from './keys/owner-keys.ts';
import { createMetering } from './metering/metering.ts';
import { METERING_DEFAULTS } from './metering/settings.ts';
import { createRequestPath } from './request-path.ts';
import { createProviderHealth } from './routing/provider-health.ts';
import { createKeyReads } from './usage/key-reads.ts';
import { createOriginPools } from './upstream/origin-pools.ts';

const SERVICE = 'router-proxy';
const VERSION = '0.1.0';
const ROLE = 'weir_proxy';
/** Policies are read one small call at a time; the ledger keeps several batches in flight. */
const POLICY_CONNECTIONS = 4;
const LEDGER_CONNECTIONS = 8;
/** What keys ask about themselves waits in a line of its own. */
const REPORT_CONNECTIONS = 2;
const REPORT_TIMEOUT_MS = 5_000;
/** A request waits for its policy, so it has to come soon or not at all. */
const POLICY_TIMEOUT_MS = 2_000;
const POOL_SWEEP_MS = 60_000;
/** For what has to be written and closed once the last stream is over. */
const AFTERMATH_MS = 10_000;

export interface StartOptions {
  readonly log: Logger;
  /** Replaces the time of the machine and of Redis, for tests that cannot wait for midnight. */
  readonly clock?: Clock;
}

/** Starts the inference proxy. @throws Error with a sentence for operators when it cannot serve. */
export async function start(config: Config, options: StartOptions): Promise<Running> {
  const { log } = options;
  const resources = createLifecycle({ log, graceMs: config.graceMs + AFTERMATH_MS });
  try {
    const ports = await compose(config, options, resources);
    return { ports, stop: async () => void (await resources.stop()) };
  } catch (thrown) {
    await resources.stop();
    throw thrown;
  }
}

/** Everything is built and added in the order in which it depends on each other, and stops the other way round. */
async function compose(
  config: Config,
  { log, clock: givenClock }: StartOptions,
  resources: Lifecycle,
): Promise<Running['ports']> {
  const clock = givenClock ?? systemClock;
  const registry = createMetrics({ service: SERVICE });
  const pool = (applicationName: string, max: number, statementTimeoutMs: number) => {
    const created = createPool({
      url: config.databaseUrl,
      role: ROLE,
      applicationName,
      max,
      statementTimeoutMs,
      log,
    });
    resources.add({ name: applicationName, stop: () => created.end() });
    return created;
  };
  const policyPool = pool('weir-proxy-policy', POLICY_CONNECTIONS, POLICY_TIMEOUT_MS);
  const ledgerPool = pool('weir-proxy-ledger', LEDGER_CONNECTIONS, METERING_DEFAULTS.queryTimeoutMs);

  const reportPool = pool('weir-proxy-reports', REPORT_CONNECTIONS, REPORT_TIMEOUT_MS);

  const counters = await connectCounters({
    databaseUrl: config.databaseUrl,
    redis: config.redis,
    role: ROLE,
    clock,
    redisClock: givenClock,
    log,
  });
  resources.add({ name: 'counters', stop: () => counters.stop() });

  const metering = createMetering({
    store: counters.store,
    pool: ledgerPool,
    log,
    clock,
    home: config.home,
    mode: counters.mode,
    settings: { failClosed: config.admission.failClosed, leaseMs: config.admission.leaseMs },
    registry,
  });
  resources.add({ name: 'metering', stop: (signal) => metering.stop(signal) });
  await metering.start();

  const health = createProviderHealth({
    openDeployments: counters.openDeployments,
    pool: policyPool,
    registry,
    log,
  });
  resources.add({ name: 'provider health', stop: () => health.stop() });

  const live = createLiveRequests(clock);
  resources.add({ name: 'live requests', stop: () => live.close() });
  const policies = connectPolicies({
    url: config.databaseUrl,
    role: ROLE,
    pool: policyPool,
    live,
    onChanged: () => {
      metering.flush();
    },
    clock,
    log,
  });
  resources.add({ name: 'policies', stop: () => policies.stop() });

  const pools = createOriginPools({
    guard: createOutboundGuard({ privateNetworks: config.upstream.privateNetworks }),
    connectTimeoutMs: config.upstream.connectTimeoutMs,
    headersTimeoutMs: config.upstream.firstByteTimeoutMs,
    idleTimeoutMs: config.upstream.idleTimeoutMs,
  });
  const sweep = setInterval(() => {
    pools.sweep();
  }, POOL_SWEEP_MS).unref();
  resources.add({
    name: 'providers',
    stop() {
      clearInterval(sweep);
      return pools.close();
    },
  });

  const checks: Check[] = [poolCheck(policyPool), ...policies.checks, ...counters.checks];
  const { host, adminHost, adminPort } = config.http;
  const admin = await createAdminServer({
    host: adminHost,
    port: adminPort,
    service: SERVICE,
    version: VERSION,
    checks,
    registry,
    log,
  });
  resources.add({ name: 'admin server', stop: () => admin.stop() });

  const tokens = createTokenCounter({ log });
  resources.add({ name: 'token counter', stop: () => tokens.stop() });

  const drain = createDrain({ admin, live, graceMs: config.graceMs, log });
  const reporter = createReporter({
    registry,
    log,
    inFlight: () => live.size,
    policies: () => policies.cache,
  });
  const server = createRequestPath({
    config,
    policies: policies.cache,
    openOwned: createOwnedSecretOpener(config.masterKey),
    gate: metering.gate,
    meter: metering.meter,
    health,
    requestNames: counters.requestNames,
    keyReads: createKeyReads(reportPool),
    pools,
    live,
    reporter,
    tokens,
    clock,
    log,
    refusal: () => drain.refusal() ?? counters.refusal(),
  });
  const http = await listen(server, { host, port: config.http.port });
  resources.add({ name: 'http server', stop: () => http.stop() });
  resources.add({ name: 'running requests', stop: (signal) => drain.run(signal) });
  return { http: http.port, admin: admin.port };
}
