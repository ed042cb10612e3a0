import type { Operation } from '@weir/contracts/operation';
import type { VertexConfig } from '@weir/contracts/provider-config';
import {
  modelNameAt,
  NO_MEMBERS,
  pathPrefixOf,
  pathSegment,
  type Provider,
  type ProviderCall,
} from './provider.ts';

const FORWARDED_CHAT = ['accept'] as const;
const FORWARDED_MESSAGES = ['accept', 'anthropic-beta'] as const;

/** The version of Anthropic's API as Vertex names it; it travels in the body. */
const VERSION_MEMBER = '"vertex-2023-10-16"';
const MESSAGES_MEMBERS = { model: null, anthropic_version: VERSION_MEMBER } as const;
const COUNT_MEMBERS = { anthropic_version: VERSION_MEMBER } as const;

/**
 * Vertex AI of one project in one location: models of Google and of partners on the endpoint that speaks OpenAI's API
 * (`google/…`, `meta/…`; a name without a publisher is Google's), Claude on the publisher Anthropic's own.
 */
export function vertexProvider(url: URL, { project, location, models }: VertexConfig): Provider {
  const root = `${pathPrefixOf(url, ['/v1'])}/v1/projects/${project}/locations/${location}`;

  function chat(name: string): ProviderCall {
    return {
      path: `${root}/endpoints/openapi/chat/completions`,
      model: name.includes('/') ? name : `google/${name}`,
      credential: 'service-account',
      forwarded: FORWARDED_CHAT,
      headers: [],
      members: NO_MEMBERS,
    };
  }

  function claude(operation: Operation, name: string, stream: boolean): ProviderCall {
    const isCount = operation === 'messages/count_tokens';
    const model = isCount ? 'count-tokens' : (pathSegment(name) ?? '');
    return {
      path: `${root}/publishers/anthropic/models/${model}:${stream && !isCount ? 'streamRawPredict' : 'rawPredict'}`,
      model: name,
      credential: 'service-account',
      forwarded: FORWARDED_MESSAGES,
      headers: [],
      members: isCount ? COUNT_MEMBERS : MESSAGES_MEMBERS,
    };
  }

  return {
    serves(operation, model) {
      const isClaude = modelNameAt(models, model).startsWith('claude');
      return isClaude
        ? operation === 'messages' || operation === 'messages/count_tokens'
        : operation === 'chat/completions';
    },
    call(operation, model, stream) {
      const name = modelNameAt(models, model);
      return operation === 'chat/completions' ? chat(name) : claude(operation, name, stream);
    },
  };
}
