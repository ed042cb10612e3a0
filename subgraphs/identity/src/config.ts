import { z } from 'zod';
import { masterKeysOf, portField, sharedFields } from '@weir/service/config-fields';

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
    IDENTITY_PORT: portField().default(4001),
    IDENTITY_ADMIN_PORT: portField().default(9001),
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
