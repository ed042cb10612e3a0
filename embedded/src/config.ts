import { z } from 'zod';
import {
  choiceField,
  integerField,
  portField,
  sharedFields,
  textField,
  urlField,
} from '@weir/service/config-fields';

/** Settings that both launchers share. Every port may be 0: any free one. */
const launcherFields = {
  HOST: sharedFields.HOST,
  ADMIN_HOST: sharedFields.ADMIN_HOST,
  /** Beside this machine itself, where the demo provider is. */
  WEIR_PRIVATE_PROVIDERS: textField('addresses or networks, separated by commas').optional(),
  LOG_LEVEL: choiceField(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']).default('warn'),
  PROXY_PORT: portField().default(8080),
  PROXY_ADMIN_PORT: portField().default(9080),
  GATEWAY_PORT: portField().default(4000),
  GATEWAY_ADMIN_PORT: portField().default(9000),
  IDENTITY_PORT: portField().default(4001),
  IDENTITY_ADMIN_PORT: portField().default(9001),
  BILLING_PORT: portField().default(4002),
  BILLING_ADMIN_PORT: portField().default(9002),
  ANALYTICS_PORT: portField().default(4003),
  ANALYTICS_ADMIN_PORT: portField().default(9003),
  /** An OpenAI-compatible provider for the demo organization instead of the built-in one; without `/v1`. */
  DEMO_PROVIDER_URL: urlField(['http', 'https']).optional(),
  DEMO_PROVIDER_API_KEY: textField('an API key of that provider').optional(),
  DEMO_PROVIDER_PORT: portField().default(0),
  /** The gateway's own address unless told. */
  PUBLIC_URL: urlField(['http', 'https']).optional(),
  /** Absent: mails are kept as files below WEIR_HOME. */
  SMTP_URL: urlField(['smtp', 'smtps']).optional(),
  MAIL_FROM: textField('a sender such as Weir <weir@example.com>').optional(),
};

/** `npm start`: PostgreSQL from npm, counters in the proxy's process. */
export const embeddedConfigSchema = z.object({
  ...launcherFields,
  WEIR_HOME: sharedFields.WEIR_HOME,
  POSTGRES_PORT: portField().default(0),
});

/** `npm run start:cluster`: the same services as processes of their own on a database and a Redis that exist already. */
export const clusterConfigSchema = z.object({
  ...launcherFields,
  WEIR_HOME: textField('a folder').default('.weir-cluster'),
  DATABASE_URL: sharedFields.DATABASE_URL,
  REDIS_URL: urlField(['redis', 'rediss']),
  /** Further proxies listen on any free port. */
  PROXIES: integerField(1, 16).default(2),
});

export type EmbeddedConfig = z.output<typeof embeddedConfigSchema>;
export type ClusterConfig = z.output<typeof clusterConfigSchema>;
export type LauncherConfig = Omit<EmbeddedConfig, 'POSTGRES_PORT'>;
