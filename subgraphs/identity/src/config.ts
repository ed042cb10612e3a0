import { join } from 'node:path';
import { z } from 'zod';
import {
  masterKeysOf,
  portField,
  sharedFields,
  textField,
  urlField,
  durationField,
} from '@weir/service/config-fields';

/** Where mails go. */
export type MailConfig =
  | { readonly to: 'smtp'; readonly url: string; readonly from: string }
  | { readonly to: 'files'; readonly folder: string };

function mailOf(env: {
  readonly SMTP_URL?: string | undefined;
  readonly MAIL_FROM?: string | undefined;
  readonly WEIR_HOME: string;
}): MailConfig {
  const { SMTP_URL: url, MAIL_FROM: from } = env;
  return url === undefined || from === undefined
    ? { to: 'files', folder: join(env.WEIR_HOME, 'outbox') }
    : { to: 'smtp', url, from };
}

/** The variables of the identity service; `.env.example` explains each. */
export const configSchema = z
  .object({
    DATABASE_URL: sharedFields.DATABASE_URL,
    WEIR_MASTER_KEY: sharedFields.WEIR_MASTER_KEY,
    WEIR_MASTER_KEY_PREVIOUS: sharedFields.WEIR_MASTER_KEY_PREVIOUS,
    WEIR_INTERNAL_SECRET: sharedFields.WEIR_INTERNAL_SECRET,
    WEIR_PRIVATE_PROVIDERS: sharedFields.WEIR_PRIVATE_PROVIDERS,
    LOG_LEVEL: sharedFields.LOG_LEVEL,
    HOST: sharedFields.HOST,
    ADMIN_HOST: sharedFields.ADMIN_HOST,
    /** Age at which the key that signs access tokens is replaced. */
    IDENTITY_SIGNING_KEY_MAX_AGE: durationField(3_600_000, 400 * 86_400_000).default(90 * 86_400_000),
    IDENTITY_PORT: portField().default(4001),
    IDENTITY_ADMIN_PORT: portField().default(9001),
    WEIR_HOME: sharedFields.WEIR_HOME,
    /** What people reach the platform at; links in mails begin with it. */
    PUBLIC_URL: urlField(['http', 'https']).default('http://127.0.0.1:4000'),
    /** Absent: mails are kept as files below WEIR_HOME. */
    SMTP_URL: urlField(['smtp', 'smtps']).optional(),
    MAIL_FROM: textField('a sender such as Weir <weir@example.com>').optional(),
  })
  .superRefine(({ SMTP_URL, MAIL_FROM }, ctx) => {
    if (SMTP_URL === undefined || MAIL_FROM !== undefined) return;
    ctx.addIssue({ code: 'custom', path: ['MAIL_FROM'], message: 'is not set: SMTP_URL needs a sender' });
  })
  .transform((env) => ({
    databaseUrl: env.DATABASE_URL,
    masterKey: masterKeysOf(env),
    internalSecret: env.WEIR_INTERNAL_SECRET,
    privateNetworks: env.WEIR_PRIVATE_PROVIDERS,
    logLevel: env.LOG_LEVEL,
    host: env.HOST,
    port: env.IDENTITY_PORT,
    adminHost: env.ADMIN_HOST,
    adminPort: env.IDENTITY_ADMIN_PORT,
    publicUrl: env.PUBLIC_URL,
    signingKeyMaxAgeMs: env.IDENTITY_SIGNING_KEY_MAX_AGE,
    mail: mailOf(env),
  }));

/** What sealing everything anew needs: the login that migrates, and the master keys. */
export const rewrapConfigSchema = z
  .object({
    DATABASE_URL: sharedFields.DATABASE_URL,
    WEIR_MASTER_KEY: sharedFields.WEIR_MASTER_KEY,
    WEIR_MASTER_KEY_PREVIOUS: sharedFields.WEIR_MASTER_KEY_PREVIOUS,
  })
  .transform((env) => ({ databaseUrl: env.DATABASE_URL, masterKey: masterKeysOf(env) }));

export type Config = z.output<typeof configSchema>;
