import { z } from 'zod';

/** An unset variable and an empty one mean the same. */
const text = (fallback: string) =>
  z
    .string()
    .optional()
    .transform((value) => (value === undefined || value === '' ? fallback : value));

const port = (fallback: number) =>
  text(String(fallback)).pipe(
    z.coerce.number('a port is a number from 0 to 65535').int().min(0).max(65_535),
  );

/** Settings of the one-machine launcher. Every port may be 0: any free one. */
export const configSchema = z.object({
  /** Where data, secrets and journals are kept. */
  WEIR_HOME: text('.weir'),
  HOST: text('127.0.0.1'),
  LOG_LEVEL: text('warn').pipe(z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'])),
  PROXY_PORT: port(8080),
  PROXY_ADMIN_PORT: port(9080),
  GATEWAY_PORT: port(4000),
  GATEWAY_ADMIN_PORT: port(9000),
  IDENTITY_PORT: port(4001),
  IDENTITY_ADMIN_PORT: port(9001),
  BILLING_PORT: port(4002),
  BILLING_ADMIN_PORT: port(9002),
  ANALYTICS_PORT: port(4003),
  ANALYTICS_ADMIN_PORT: port(9003),
  /** The embedded PostgreSQL and the demo provider. */
  POSTGRES_PORT: port(0),
  DEMO_PROVIDER_PORT: port(0),
});

export type EmbeddedConfig = z.output<typeof configSchema>;
