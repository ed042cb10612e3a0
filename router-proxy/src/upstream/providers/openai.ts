import { OPERATIONS, type Operation } from '@weir/contracts/operation';
import type { OpenaiConfig } from '@weir/contracts/provider-config';
import { DEFAULT_ANTHROPIC_VERSION } from './anthropic.ts';
import { modelNameAt, NO_MEMBERS, pathPrefixOf, type Provider } from './provider.ts';

const FORWARDED = ['accept', 'openai-beta'] as const;
const FORWARDED_MESSAGES = ['accept', 'anthropic-version', 'anthropic-beta'] as const;

/** OpenAI, and whatever speaks its API: the base URL ends with the version, and operations are appended to it. */
export function openaiProvider(url: URL, config: OpenaiConfig): Provider {
  const prefix = pathPrefixOf(url);
  const served = new Set<Operation>(OPERATIONS.filter((name) => config.messages || !isAnthropics(name)));
  const headers: string[] = [];
  if (config.organization !== undefined) headers.push('openai-organization', config.organization);
  if (config.project !== undefined) headers.push('openai-project', config.project);
  const messagesHeaders = [...headers, 'anthropic-version', DEFAULT_ANTHROPIC_VERSION];
  return {
    serves: (operation) => served.has(operation),
    call: (operation, model) => ({
      path: `${prefix}/${operation}`,
      model: modelNameAt(config.models, model),
      credential: 'bearer',
      forwarded: isAnthropics(operation) ? FORWARDED_MESSAGES : FORWARDED,
      headers: isAnthropics(operation) ? messagesHeaders : headers,
      members: NO_MEMBERS,
    }),
  };
}

function isAnthropics(operation: Operation): boolean {
  return operation === 'messages' || operation === 'messages/count_tokens';
}
