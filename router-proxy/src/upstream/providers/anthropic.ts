import type { AnthropicConfig } from '@weir/contracts/provider-config';
import { modelNameAt, NO_MEMBERS, pathPrefixOf, type Provider } from './provider.ts';

/** For clients that do not say which version of the API they speak. */
export const DEFAULT_ANTHROPIC_VERSION = '2023-06-01';

const FORWARDED = ['accept', 'anthropic-version', 'anthropic-beta'] as const;
const FORWARDED_CHAT = ['accept'] as const;
const VERSION_HEADERS = ['anthropic-version', DEFAULT_ANTHROPIC_VERSION] as const;

/** Anthropic, and whatever speaks its API. The base URL may end with `/v1` or before it. */
export function anthropicProvider(url: URL, config: AnthropicConfig): Provider {
  const root = `${pathPrefixOf(url, ['/v1'])}/v1`;
  return {
    serves: (operation) =>
      operation === 'messages' || operation === 'messages/count_tokens' || operation === 'chat/completions',
    call(operation, model) {
      // The path that speaks OpenAI's API takes the key as OpenAI does.
      const isChat = operation === 'chat/completions';
      return {
        path: `${root}/${operation}`,
        model: modelNameAt(config.models, model),
        credential: isChat ? 'bearer' : 'x-api-key',
        forwarded: isChat ? FORWARDED_CHAT : FORWARDED,
        headers: isChat ? [] : VERSION_HEADERS,
        members: NO_MEMBERS,
      };
    },
  };
}
