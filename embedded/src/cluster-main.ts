import { loadConfig, runMain } from '@weir/service/config';
import { createLifecycle } from '@weir/service/lifecycle';
import { createLogger } from '@weir/service/logger';
import { banner } from './banner.ts';
import { clusterConfigSchema } from './config.ts';
import { startPlatform } from './platform.ts';
import { serviceSettings } from './service-settings.ts';
import { StartupError } from './startup-error.ts';

/** `npm run start:cluster`: every service a process of its own, several proxies, on a given PostgreSQL and Redis. */
await runMain(async () => {
  const config = loadConfig(clusterConfigSchema, process.env);
  const log = createLogger({ service: 'launcher', level: config.LOG_LEVEL });
  const lifecycle = createLifecycle({ log, graceMs: 30_000 });
  lifecycle.onSignals();
  try {
    const { access, demoFile } = await startPlatform({
      config,
      settings: serviceSettings(process.env),
      databaseUrl: config.DATABASE_URL,
      redisUrl: config.REDIS_URL,
      proxies: config.PROXIES,
      control: 'apart',
      lifecycle,
      log,
    });
    process.stdout.write(
      `${banner(access, { demoFile, home: config.WEIR_HOME, keepsMails: config.SMTP_URL === undefined })}\nweir is ready\n`,
    );
  } catch (thrown) {
    await lifecycle.stop();
    if (!(thrown instanceof StartupError)) throw thrown;
    process.stderr.write(`${thrown.message}\n`);
    process.exit(1);
  }
});
