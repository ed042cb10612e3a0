import { runService } from '@weir/service/run-service';
import { configSchema } from './config.ts';
import { start } from './start.ts';

await runService({ name: 'analytics', schema: configSchema, start, stopGraceMs: 15_000 }, process.env);
