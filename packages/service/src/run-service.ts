import type { z } from 'zod';
import { loadConfig, runMain } from './config.ts';
import { createLifecycle } from './lifecycle.ts';
import { createLogger, type Logger } from './logger.ts';
import { announceReady, onLauncherGone } from './parent.ts';
import type { Running } from './running.ts';

export interface ServiceMain<Schema extends z.ZodType<{ readonly logLevel: string }>> {
  readonly name: string;
  /** Over the variables of the environment. */
  readonly schema: Schema;
  readonly start: (config: z.output<Schema>, deps: { log: Logger }) => Promise<Running>;
  /** For everything that is in flight when the process is told to stop. */
  readonly stopGraceMs: number | ((config: z.output<Schema>) => number);
  /** Whether log lines may wait a moment in memory; for a process that writes one per request. */
  readonly bufferedLog?: boolean;
}

/**
 * The main of one service: reads the configuration, starts, says so, and stops on a signal or with its launcher. What
 * keeps it from starting is told in plain words; see `runMain` for the exit codes.
 */
export function runService<Schema extends z.ZodType<{ readonly logLevel: string }>>(
  service: ServiceMain<Schema>,
  env: NodeJS.ProcessEnv,
): Promise<void> {
  const { name, schema, start, stopGraceMs, bufferedLog = false } = service;
  return runMain(async () => {
    const config = loadConfig(schema, env);
    const log = createLogger({ service: name, level: config.logLevel, buffered: bufferedLog });
    const graceMs = typeof stopGraceMs === 'number' ? stopGraceMs : stopGraceMs(config);
    const lifecycle = createLifecycle({ log, graceMs });
    lifecycle.onSignals();
    const running = await start(config, { log });
    lifecycle.add({ name, stop: () => running.stop() });
    onLauncherGone(() => process.kill(process.pid, 'SIGTERM'));
    log.info({ ports: running.ports }, `${name} is ready`);
    announceReady();
  });
}
