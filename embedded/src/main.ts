import { EmbeddedPostgresError } from '@weir/prisma/embedded-postgres';
import { loadConfig, runMain } from '@weir/service/config';
import { createLifecycle } from '@weir/service/lifecycle';
import { createLogger } from '@weir/service/logger';
import { banner } from './banner.ts';
import { embeddedConfigSchema } from './config.ts';
import { startPlatform } from './platform.ts';
import { serviceSettings } from './service-settings.ts';
import { StartupError } from './startup-error.ts';
import { supervisePostgres } from './supervised-postgres.ts';

/** `npm start`: the whole platform on one machine, with a PostgreSQL of its own and a demo to try it with. */
await runMain(async () => {
  const config = loadConfig(embeddedConfigSchema, process.env);
  const log = createLogger({ service: 'launcher', level: config.LOG_LEVEL });
  const lifecycle = createLifecycle({ log, graceMs: 30_000 });
  lifecycle.onSignals();
  try {
    const postgres = await supervisePostgres({ home: config.WEIR_HOME, port: config.POSTGRES_PORT, log });
    lifecycle.add({ name: 'PostgreSQL', stop: () => postgres.stop() });
    const { access, demoFile } = await startPlatform({
      config,
      settings: serviceSettings(process.env),
      databaseUrl: postgres.url,
      proxies: 1,
      control: 'together',
      lifecycle,
      log,
    });
    process.stdout.write(
      `${banner(access, { demoFile, home: config.WEIR_HOME, keepsMails: config.SMTP_URL === undefined })}\nweir is ready\n`,
    );
  } catch (thrown) {
    await lifecycle.stop();
    if (!(thrown instanceof StartupError || thrown instanceof EmbeddedPostgresError)) throw thrown;
    process.stderr.write(`${thrown.message}\n`);
    process.exit(1);
  }
});
