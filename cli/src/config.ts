import { z } from 'zod';
import { loadConfig } from '@weir/service/config';
import { urlField } from '@weir/service/config-fields';

/** What the command takes from its environment; options on the command line come first. */
const configSchema = z
  .object({
    WEIR_URL: urlField(['http', 'https']).default('http://127.0.0.1:4000'),
    WEIR_API_KEY: z.string().optional(),
    WEIR_TOKEN: z.string().optional(),
    DATABASE_URL: z.string().optional(),
    WEIR_MASTER_KEY: z.string().optional(),
    /** Both, by comma: arguments show in lists of processes. */
    WEIR_RECOVERY_TOKENS: z.string().optional(),
    WEIR_HOME: z.string().default('.weir'),
  })
  .transform((env) => ({
    url: env.WEIR_URL,
    apiKey: env.WEIR_API_KEY,
    token: env.WEIR_TOKEN,
    databaseUrl: env.DATABASE_URL,
    masterKey: env.WEIR_MASTER_KEY,
    recoveryTokens: env.WEIR_RECOVERY_TOKENS?.split(',') ?? [],
    home: env.WEIR_HOME,
  }));

export type Config = z.output<typeof configSchema>;

/** @throws ConfigError for a variable that cannot be meant. */
export const readConfig = (): Config => loadConfig(configSchema, process.env);
