import { z } from 'zod';
import { configSchema as analytics } from '@weir/analytics/config';
import { configSchema as billing } from '@weir/billing/config';
import { configSchema as gateway } from '@weir/gateway/config';
import { configSchema as identity } from '@weir/identity/config';
import { configSchema as proxy } from '@weir/router-proxy/config';

/** The configuration of every service. */
export const SERVICE_SCHEMAS = { analytics, billing, identity, gateway, proxy } as const;

/** Where the data is, which the launcher says, also by leaving it out. */
const DECIDED: ReadonlySet<string> = new Set(['DATABASE_URL', 'REDIS_URL']);

/** The variables that a configuration schema reads, through whatever it makes of them. */
export function variablesOf(schema: z.ZodType): string[] {
  if (schema instanceof z.ZodPipe) return variablesOf(schema.in as z.ZodType);
  if (schema instanceof z.ZodObject) return Object.keys(schema.shape);
  throw new Error('a configuration schema is an object, transformed at most');
}

/** What of the launcher's environment is meant for the services. Each checks its part itself. */
export function serviceSettings(env: NodeJS.ProcessEnv): Record<string, string> {
  const read = new Set(Object.values(SERVICE_SCHEMAS).flatMap(variablesOf));
  const settings: Record<string, string> = {};
  for (const [name, value] of Object.entries(env)) {
    if (value !== undefined && read.has(name) && !DECIDED.has(name)) settings[name] = value;
  }
  return settings;
}
