import { z } from 'zod';
import { durationField, portField, sharedFields } from '@weir/service/config-fields';

const fields = z.object({
  DATABASE_URL: sharedFields.DATABASE_URL,
  WEIR_INTERNAL_SECRET: sharedFields.WEIR_INTERNAL_SECRET,
  LOG_LEVEL: sharedFields.LOG_LEVEL,
  HOST: sharedFields.HOST,
  ADMIN_HOST: sharedFields.ADMIN_HOST,
  BILLING_PORT: portField().default(4002),
  BILLING_ADMIN_PORT: portField().default(9002),
  /** How often the projection looks for work that no signal told it of. */
  BILLING_POLL: durationField(50, 60_000).default(5_000),
});

/** The variables that billing reads; `loadConfig(configSchema, env)` gives a `Config`. */
export const configSchema = fields.transform((env) => ({
  databaseUrl: env.DATABASE_URL,
  internalSecret: env.WEIR_INTERNAL_SECRET,
  logLevel: env.LOG_LEVEL,
  host: env.HOST,
  port: env.BILLING_PORT,
  adminHost: env.ADMIN_HOST,
  adminPort: env.BILLING_ADMIN_PORT,
  pollMs: env.BILLING_POLL,
}));

export type Config = z.output<typeof configSchema>;
