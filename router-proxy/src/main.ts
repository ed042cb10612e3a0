import { loadConfig, runMain } from '@weir/service/config';
import { createLifecycle } from '@weir/service/lifecycle';
import { createLogger } from '@weir/service/logger';
import { announceReady, onLauncherGone } from '@weir/service/parent';
import { configSchema } from './config.ts';
import { start } from './start.ts';

/** Time for what follows the running streams: writing what is queued, closing connections. */
const AFTERMATH_MS = 15_000;

await runMain(async () => {
  const config = loadConfig(configSchema, process.env);
  const log = createLogger({ service: 'router-proxy', level: config.logLevel, buffered: true });
  const lifecycle = createLifecycle({ log, graceMs: config.graceMs + AFTERMATH_MS });
  lifecycle.onSignals();
  onLauncherGone(() => {
    void lifecycle.stop().then((clean) => process.exit(clean ? 0 : 1));
  });
  const running = await start(config, { log });
  lifecycle.add({ name: 'proxy', stop: () => running.stop() });
  log.info({ ports: running.ports }, 'proxy is ready');
  announceReady(running.ports);
});
