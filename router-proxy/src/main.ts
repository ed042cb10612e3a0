import { runService } from '@weir/service/run-service';
import { configSchema } from './config.ts';
import { start } from './start.ts';

/** Time for what follows the running streams: writing what is queued, closing connections. */
const AFTERMATH_MS = 15_000;

await runService(
  {
    name: 'router-proxy',
    schema: configSchema,
    start,
    stopGraceMs: (config) => config.graceMs + AFTERMATH_MS,
    bufferedLog: true,
  },
  process.env,
);
