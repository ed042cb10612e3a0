import { describe, expect, it } from 'vitest';
import { OPERATIONS, type Operation } from '@weir/contracts/operation';
import type { SnapshotProviderKey } from '@weir/contracts/policy-snapshot';
import { aProviderKey } from '../../test-policy.ts';
import { compileProviderTarget } from '../provider-target.ts';

function target(parts: Partial<SnapshotProviderKey>) {
  const compiled = compileProviderTarget(aProviderKey(parts));
  if (!compiled) throw new Error('the key does not compile');
  const { provider, origin } = compiled;
  return {
    origin,
    url: (operation: Operation, model: string, stream = false) =>
      origin + provider.call(operation, model, stream).path,
    call: (operation: Operation, model: string, stream = false) => provider.call(operation, model, stream),
    serves: (model: string) => OPERATIONS.filter((operation) => provider.serves(operation, model)),
  };
}

describe('a provider key', () => {
  it.each([
    [{ baseUrl: 'not a url' }],
    [{ baseUrl: 'ftp://provider.example' }],
    [{ provider: 'azure', baseUrl: '' }],
    [{ provider: 'vertex', baseUrl: 'https://provider.example', config: {} }],
    [{ config: { unknown: true } }],
  ] as const)('of %j serves nobody', (parts) => {
    expect(compileProviderTarget(aProviderKey(parts))).toBeUndefined();
  });
});

describe('openai', () => {
  it('appends the operation to the base URL, whatever path that has', () => {
    const { url } = target({ baseUrl: 'https://compatible.example/api/v1/' });
    expect(url('chat/completions', 'm')).toBe('https://compatible.example/api/v1/chat/completions');
    expect(url('images/edits', 'm')).toBe('https://compatible.example/api/v1/images/edits');
  });

  it('is asked for messages only where its config says that it speaks them', () => {
    expect(target({}).serves('m')).toEqual(OPERATIONS.slice(0, -2));
    expect(target({ config: { messages: true } }).serves('m')).toEqual(OPERATIONS);
  });

  it('sends the key as Bearer, with organization and project of the config alone', () => {
    const { call } = target({ config: { organization: 'org-1', project: 'proj-1' } });
    expect(call('embeddings', 'm')).toMatchObject({
      credential: 'bearer',
      headers: ['openai-organization', 'org-1', 'openai-project', 'proj-1'],
      forwarded: ['accept', 'openai-beta'],
    });
  });

  it('calls models what the provider calls them', () => {
    const { call } = target({ config: { models: [{ pattern: 'llama-*', target: 'meta/llama' }] } });
    expect(call('chat/completions', 'llama-4').model).toBe('meta/llama');
    expect(call('chat/completions', 'other').model).toBe('other');
  });
});

describe('azure', () => {
  const base = { provider: 'azure', baseUrl: 'https://r.openai.azure.com' } as const;
  const dated = target({
    ...base,
    config: {
      apiVersion: '2024-10-21',
      apiVersions: { responses: '2025-03-01-preview' },
      deployments: [
        { pattern: 'gpt-4o*', target: 'four-o' },
        { pattern: 'gpt-4o-mini', target: 'mini' },
      ],
    },
  });

  it('has the deployment in the path and the version in the query', () => {
    expect(dated.url('chat/completions', 'gpt-4o')).toBe(
      'https://r.openai.azure.com/openai/deployments/four-o/chat/completions?api-version=2024-10-21',
    );
    expect(dated.url('embeddings', 'gpt-4o-mini')).toContain('/deployments/mini/embeddings?');
  });

  it('takes a model that is not mapped for a deployment of its name, as one segment of the path', () => {
    expect(dated.url('chat/completions', 'own')).toContain('/deployments/own/');
    expect(dated.url('chat/completions', 'a/../b?c')).toContain('/deployments/a%2F..%2Fb%3Fc/');
    expect(dated.serves('..')).toEqual([]);
  });

  it('names the deployment of responses in the body', () => {
    expect(dated.url('responses', 'gpt-4o')).toBe(
      'https://r.openai.azure.com/openai/responses?api-version=2025-03-01-preview',
    );
    expect(dated.call('responses', 'gpt-4o').model).toBe('four-o');
  });

  it('has neither on the surface v1, which is the default, whichever end the base URL has', () => {
    for (const ending of ['', '/', '/openai', '/openai/v1/']) {
      const { url, call } = target({ ...base, baseUrl: base.baseUrl + ending });
      expect(url('chat/completions', 'd')).toBe('https://r.openai.azure.com/openai/v1/chat/completions');
      expect(call('chat/completions', 'd')).toMatchObject({ model: 'd', credential: 'api-key' });
    }
    expect(target({ ...base, config: { apiVersion: 'preview' } }).url('responses', 'd')).toBe(
      'https://r.openai.azure.com/openai/v1/responses?api-version=preview',
    );
  });

  it('is not asked for what Azure does not have', () => {
    const served = dated.serves('gpt-4o');
    for (const operation of ['moderations', 'images/variations', 'messages'] as const) {
      expect(served).not.toContain(operation);
    }
    expect(served).toContain('audio/transcriptions');
  });
});

describe('anthropic', () => {
  it('serves messages with its own headers, under a base URL with or without the version', () => {
    for (const baseUrl of ['', 'https://api.anthropic.com', 'https://api.anthropic.com/v1/']) {
      const { url, call, serves } = target({ provider: 'anthropic', baseUrl });
      expect(url('messages', 'm', true)).toBe('https://api.anthropic.com/v1/messages');
      expect(url('messages/count_tokens', 'm')).toBe('https://api.anthropic.com/v1/messages/count_tokens');
      expect(call('messages', 'm')).toMatchObject({
        credential: 'x-api-key',
        headers: ['anthropic-version', '2023-06-01'],
        forwarded: ['accept', 'anthropic-version', 'anthropic-beta'],
      });
      expect(serves('m')).toEqual(['chat/completions', 'messages', 'messages/count_tokens']);
    }
  });

  it('serves chat completions where it speaks OpenAI’s API, with the key as OpenAI takes it', () => {
    const { call } = target({ provider: 'anthropic', baseUrl: 'https://api.anthropic.com' });
    expect(call('chat/completions', 'm')).toMatchObject({
      path: '/v1/chat/completions',
      credential: 'bearer',
      headers: [],
    });
  });
});

describe('vertex', () => {
  const vertex = target({
    provider: 'vertex',
    baseUrl: '',
    config: {
      project: 'p-1',
      location: 'us-east5',
      models: [{ pattern: 'claude-sonnet', target: 'claude-sonnet-4@20250514' }],
    },
  });
  const root = 'https://us-east5-aiplatform.googleapis.com/v1/projects/p-1/locations/us-east5';

  it('has the models of Google and partners where it speaks OpenAI’s API', () => {
    expect(vertex.url('chat/completions', 'gemini-2.5-pro')).toBe(
      `${root}/endpoints/openapi/chat/completions`,
    );
    expect(vertex.call('chat/completions', 'gemini-2.5-pro')).toMatchObject({
      model: 'google/gemini-2.5-pro',
      credential: 'service-account',
      members: {},
    });
    expect(vertex.call('chat/completions', 'meta/llama-4').model).toBe('meta/llama-4');
    expect(vertex.serves('gemini-2.5-pro')).toEqual(['chat/completions']);
  });

  it('has Claude at its publisher, where the path names the model and the body the version', () => {
    const claude = `${root}/publishers/anthropic/models`;
    expect(vertex.url('messages', 'claude-sonnet')).toBe(`${claude}/claude-sonnet-4@20250514:rawPredict`);
    expect(vertex.url('messages', 'claude-sonnet', true)).toBe(
      `${claude}/claude-sonnet-4@20250514:streamRawPredict`,
    );
    expect(vertex.call('messages', 'claude-sonnet').members).toEqual({
      model: null,
      anthropic_version: '"vertex-2023-10-16"',
    });
    expect(vertex.url('messages/count_tokens', 'claude-sonnet')).toBe(`${claude}/count-tokens:rawPredict`);
    expect(vertex.call('messages/count_tokens', 'claude-sonnet')).toMatchObject({
      model: 'claude-sonnet-4@20250514',
      members: { anthropic_version: '"vertex-2023-10-16"' },
    });
    expect(vertex.serves('claude-sonnet')).toEqual(['messages', 'messages/count_tokens']);
  });
});
