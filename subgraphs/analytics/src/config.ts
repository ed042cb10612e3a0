import { z } from 'zod';
import { durationField, integerField, portField, sharedFields } from '@weir/service/config-fields';

const fields = z.object({
  DATABASE_URL: sharedFields.DATABASE_URL,
  WEIR_INTERNAL_SECRET: sharedFields.WEIR_INTERNAL_SECRET,
  LOG_LEVEL: sharedFields.LOG_LEVEL,
  HOST: sharedFields.HOST,
  ADMIN_HOST: sharedFields.ADMIN_HOST,
  ANALYTICS_PORT: portField().default(4003),
  ANALYTICS_ADMIN_PORT: portField().default(9003),
  /** How often the projection looks for work that no signal told it of. */
  ANALYTICS_POLL: durationField(50, 60_000).default(5_000),
  /** Hour of the day (UTC) at which the ledger is compared with everything derived from it. */
  ANALYTICS_PROOF_HOUR: integerField(0, 23).default(2),
  /** How far back that goes; more than the raw log is kept for proves nothing. */
  ANALYTICS_PROOF_DAYS: integerField(1, 400, 'days').default(35),
});

/** The variables that analytics reads; `loadConfig(configSchema, env)` gives a `Config`. */
export const configSchema = fields.transform((env) => ({
  databaseUrl: env.DATABASE_URL,
  internalSecret: env.WEIR_INTERNAL_SECRET,
  logLevel: env.LOG_LEVEL,
  host: env.HOST,
  port: env.ANALYTICS_PORT,
  adminHost: env.ADMIN_HOST,
  adminPort: env.ANALYTICS_ADMIN_PORT,
  pollMs: env.ANALYTICS_POLL,
  proof: { hour: env.ANALYTICS_PROOF_HOUR, days: env.ANALYTICS_PROOF_DAYS },
}));

export type Config = z.output<typeof configSchema>;
