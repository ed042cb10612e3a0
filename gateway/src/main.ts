import { createMetrics } from '@weir/service/metrics';
import { runService } from '@weir/service/run-service';
import { configSchema } from './config.ts';
import { start } from './start.ts';

await runService(
  {
    name: 'gateway',
    schema: configSchema,
    // The process is the gateway's alone, so its memory and event loop are reported with it.
    start: (config, deps) => start(config, { ...deps, registry: createMetrics({ service: 'gateway' }) }),
    // Longer than the gateway's own grace, which ends first.
    stopGraceMs: 15_000,
  },
  process.env,
);
