import { configSchema as analyticsSchema } from '@weir/analytics/config';
import { start as startAnalytics } from '@weir/analytics/start';
import { configSchema as billingSchema } from '@weir/billing/config';
import { start as startBilling } from '@weir/billing/start';
import { configSchema as gatewaySchema } from '@weir/gateway/config';
import { start as startGateway } from '@weir/gateway/start';
import { configSchema as identitySchema } from '@weir/identity/config';
import { start as startIdentity } from '@weir/identity/start';
import { loadConfig, runMain } from '@weir/service/config';
import { createLifecycle } from '@weir/service/lifecycle';
import { createLogger, type Logger } from '@weir/service/logger';
import { announceReady, onLauncherGone } from '@weir/service/parent';
import type { Running } from '@weir/service/running';

const STOP_GRACE_MS = 12_000;

/** The GraphQL side in one process: what one machine needs of it, with the same services as anywhere. */
await runMain(async () => {
  const env = process.env;
  const { logLevel } = loadConfig(gatewaySchema, env);
  const named = (service: string): { log: Logger } => ({ log: createLogger({ service, level: logLevel }) });
  const lifecycle = createLifecycle({ ...named('control'), graceMs: STOP_GRACE_MS });
  lifecycle.onSignals();
  onLauncherGone(() => process.kill(process.pid, 'SIGTERM'));

  async function run(name: string, start: (deps: { log: Logger }) => Promise<Running>): Promise<void> {
    const running = await start(named(name));
    lifecycle.add({ name, stop: () => running.stop() });
  }
  await Promise.all([
    run('identity', (deps) => startIdentity(loadConfig(identitySchema, env), deps)),
    run('billing', (deps) => startBilling(loadConfig(billingSchema, env), deps)),
    run('analytics', (deps) => startAnalytics(loadConfig(analyticsSchema, env), deps)),
  ]);
  await run('gateway', (deps) => startGateway(loadConfig(gatewaySchema, env), deps));
  announceReady();
});
