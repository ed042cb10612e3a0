import {
  anthropicConfigSchema,
  azureConfigSchema,
  openaiConfigSchema,
  vertexConfigSchema,
  type ProviderKind,
} from '@weir/contracts/provider-config';
import { userError } from '@weir/graphql/user-errors';
import { assertNever } from '@weir/kernel/assert-never';
import { err, ok, type Result } from '@weir/kernel/result';
import type { Provider, ProviderKeyConfigInput, ResolversTypes } from '../../generated/resolvers-types.ts';
import type { ProviderConfig, ProviderKeyProblem } from './provider-key-rules.ts';

const PROVIDERS = {
  OPENAI: 'openai',
  AZURE: 'azure',
  ANTHROPIC: 'anthropic',
  VERTEX: 'vertex',
} as const satisfies Record<Provider, ProviderKind>;

const NAMES = {
  openai: 'OPENAI',
  azure: 'AZURE',
  anthropic: 'ANTHROPIC',
  vertex: 'VERTEX',
} as const satisfies Record<ProviderKind, Provider>;

export const fromProvider = (provider: Provider): ProviderKind => PROVIDERS[provider];
export const toProvider = (provider: ProviderKind): Provider => NAMES[provider];

type Config = Awaited<ResolversTypes['ProviderKeyConfig']>;

/** What a key needs beyond its address and secret, as its kind reads it. */
export function toConfig(provider: ProviderKind, config: ProviderConfig): Config {
  switch (provider) {
    case 'openai': {
      const { models, organization = null, project = null, messages } = openaiConfigSchema.parse(config);
      return { models, organization, project, servesMessages: messages };
    }
    case 'azure': {
      const { deployments, apiVersion, apiVersions } = azureConfigSchema.parse(config);
      const byOperation = Object.entries(apiVersions).map(([operation, version]) => ({
        operation,
        apiVersion: version,
      }));
      return { deployments, apiVersion, apiVersions: byOperation };
    }
    case 'anthropic':
      return anthropicConfigSchema.parse(config);
    case 'vertex':
      return vertexConfigSchema.parse(config);
    default:
      return assertNever(provider);
  }
}

/** Each kind has a member that no other has. */
export function configTypeOf(config: Config) {
  if ('servesMessages' in config) return 'OpenAiKeyConfig';
  if ('deployments' in config) return 'AzureKeyConfig';
  return 'location' in config ? 'VertexKeyConfig' : 'AnthropicKeyConfig';
}

/** The member of the key's own kind; undefined when none was given. */
export function fromConfigInput(
  provider: ProviderKind,
  input: ProviderKeyConfigInput | null | undefined,
): Result<ProviderConfig | undefined, ProviderKeyProblem> {
  const { openai, azure, anthropic, vertex } = input ?? {};
  const given = { openai, azure, anthropic, vertex };
  const other = Object.entries(given).find(([kind, value]) => kind !== provider && value != null);
  if (other) {
    const message = `The key is one of ${provider}, so its config is given as "${provider}".`;
    return err(userError('INVALID_CONFIG', message, 'config', other[0]));
  }
  if (openai) {
    const { servesMessages, ...rest } = openai;
    return ok(withoutNulls({ ...rest, messages: servesMessages }));
  }
  if (azure) {
    const { apiVersions, ...rest } = azure;
    const byOperation = apiVersions?.map(({ operation, apiVersion }) => [operation, apiVersion] as const);
    return ok(withoutNulls({ ...rest, apiVersions: byOperation && Object.fromEntries(byOperation) }));
  }
  const plain = anthropic ?? vertex;
  return ok(plain ? withoutNulls(plain) : undefined);
}

/** Null and absent both mean the default. */
function withoutNulls(members: object): ProviderConfig {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value != null));
}
