import { z } from 'zod';
import { OPERATIONS } from './operation.ts';
import { mappingSchema } from './policy-snapshot.ts';

/**
 * `provider_keys.config`: what only one kind of provider needs. Management validates it when it is written and the
 * proxy reads it when it compiles a policy, both with these schemas. Unknown members are refused, so that a mistyped
 * one is noticed by whoever wrote it.
 */
const headerText = z
  .string()
  .regex(/^[\x21-\x7e]{1,256}$/, 'must be 1 to 256 printable ASCII characters without spaces');
/** A segment of a path: what is in it can neither leave its place in the path nor begin a query. */
const pathSegment = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._:@-]{0,127}$/, 'must be letters, digits and . _ : @ -');

/**
 * What the provider calls the models where that is not the name they are registered under: the best match decides,
 * and a model that nothing matches keeps its name.
 */
const modelNames = z.array(mappingSchema).max(1_000);

export const openaiConfigSchema = z.strictObject({
  models: modelNames.default([]),
  /** Sent as `OpenAI-Organization` and `OpenAI-Project`. */
  organization: headerText.optional(),
  project: headerText.optional(),
  /** Whether the base URL also serves Anthropic's `messages` and `messages/count_tokens`. */
  messages: z.boolean().default(false),
});

/** `v1` is the surface without versions, where the model of the body names the deployment. */
const azureApiVersion = z
  .string()
  .regex(/^(?:v1|preview|\d{4}-\d{2}-\d{2}(?:-preview)?)$/, 'must be v1 or a date such as 2024-10-21');

export const azureConfigSchema = z.strictObject({
  /** Model → deployment; a model that nothing matches is a deployment of its own name. */
  deployments: z
    .array(mappingSchema.extend({ target: pathSegment }))
    .max(1_000)
    .default([]),
  apiVersion: azureApiVersion.default('v1'),
  /** Where single operations need another one. */
  apiVersions: z.partialRecord(z.enum(OPERATIONS), azureApiVersion).default({}),
});

export const anthropicConfigSchema = z.strictObject({
  models: modelNames.default([]),
});

export const vertexConfigSchema = z.strictObject({
  models: modelNames.default([]),
  project: pathSegment,
  /** A region such as `europe-west1`, a multi-region (`us`, `eu`) or `global`. */
  location: z.string().regex(/^[a-z]{2,16}(?:-[a-z]{2,16}\d{1,2})?$/, 'must be a region, us, eu or global'),
});

export const PROVIDER_KINDS = ['openai', 'azure', 'anthropic', 'vertex'] as const;
export type ProviderKind = (typeof PROVIDER_KINDS)[number];

/** The schema of each kind's config. */
export const providerConfigSchema = {
  openai: openaiConfigSchema,
  azure: azureConfigSchema,
  anthropic: anthropicConfigSchema,
  vertex: vertexConfigSchema,
} as const satisfies Record<ProviderKind, z.ZodType>;

export type ModelMapping = z.output<typeof mappingSchema>;
export type OpenaiConfig = z.output<typeof openaiConfigSchema>;
export type AzureConfig = z.output<typeof azureConfigSchema>;
export type AnthropicConfig = z.output<typeof anthropicConfigSchema>;
export type VertexConfig = z.output<typeof vertexConfigSchema>;

/**
 * The secret of a `vertex` key: the service account's key file as Google issues it, as JSON text. Its other members
 * are left alone. `token_uri` is an address that the proxy calls and has to pass the same guard as a base URL.
 */
export const serviceAccountSchema = z.object({
  type: z.literal('service_account'),
  client_email: z.string().min(3).max(320),
  private_key: z.string().includes('PRIVATE KEY'),
  private_key_id: z.string().max(256).optional(),
  token_uri: z.url().default('https://oauth2.googleapis.com/token'),
});

export type ServiceAccount = z.output<typeof serviceAccountSchema>;

/** Where a key's requests go when its base URL is empty; null for a kind that has no such place. */
export function defaultBaseUrl(kind: ProviderKind, config: Readonly<Record<string, unknown>>): string | null {
  switch (kind) {
    case 'openai':
      return 'https://api.openai.com/v1';
    case 'anthropic':
      return 'https://api.anthropic.com';
    case 'azure':
      return null;
    case 'vertex': {
      const { data } = vertexConfigSchema.safeParse(config);
      return data ? vertexBaseUrl(data.location) : null;
    }
  }
}

function vertexBaseUrl(location: string): string {
  if (location === 'global') return 'https://aiplatform.googleapis.com';
  return location === 'us' || location === 'eu'
    ? `https://aiplatform.${location}.rep.googleapis.com`
    : `https://${location}-aiplatform.googleapis.com`;
}
