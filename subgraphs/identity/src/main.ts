import { loadConfig, runMain } from '@weir/service/config';
import { createLifecycle } from '@weir/service/lifecycle';
import { createLogger } from '@weir/service/logger';
import { configSchema } from './config.ts';
import { start } from './start.ts';

const STOP_GRACE_MS = 15_000;

await runMain(async () => {
  const config = loadConfig(configSchema, process.env);
  const log = createLogger({ service: 'identity', level: config.logLevel });
  const lifecycle = createLifecycle({ log, graceMs: STOP_GRACE_MS });
  lifecycle.onSignals();
  const running = await start(config, { log });
  lifecycle.add({ name: 'identity', stop: () => running.stop() });
  log.info({ ports: running.ports }, 'identity is ready');
});
