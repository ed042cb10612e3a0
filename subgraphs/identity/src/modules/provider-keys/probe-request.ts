import { azureConfigSchema, vertexConfigSchema } from '@weir/contracts/provider-config';
import { assertNever } from '@weir/kernel/assert-never';
import type { ProviderKey } from './provider-key.ts';

export interface ProbeRequest {
  readonly method: 'GET' | 'POST';
  readonly url: string;
  readonly headers: Record<string, string>;
  readonly body?: string;
}

/**
 * The cheapest request that each kind of provider answers only with a valid credential. Base URLs may end with what the
 * provider's paths begin with, as they may for the proxy.
 */
export function probeRequestOf(
  { provider, baseUrl, config }: Pick<ProviderKey, 'provider' | 'baseUrl' | 'config'>,
  credential: string,
): ProbeRequest {
  const get = (path: string, headers: Record<string, string>, ending = /(?:)$/): ProbeRequest => ({
    method: 'GET',
    url: baseUrl.replace(/\/+$/, '').replace(ending, '') + path,
    headers: { accept: 'application/json', ...headers },
  });
  const bearer = { authorization: `Bearer ${credential}` };
  switch (provider) {
    case 'openai':
      return get('/models', bearer);
    case 'anthropic':
      return get(
        '/v1/models?limit=1',
        { 'x-api-key': credential, 'anthropic-version': '2023-06-01' },
        /\/v1$/,
      );
    case 'azure':
      return get(
        azurePath(azureConfigSchema.parse(config).apiVersion),
        { 'api-key': credential },
        /\/openai(?:\/v1)?$/,
      );
    case 'vertex':
      return get(vertexPath(vertexConfigSchema.parse(config)), bearer);
    default:
      return assertNever(provider);
  }
}

function azurePath(apiVersion: string): string {
  if (apiVersion === 'v1') return '/openai/v1/models';
  if (apiVersion === 'preview') return '/openai/v1/models?api-version=preview';
  return `/openai/models?api-version=${apiVersion}`;
}

/** A region answers for the project itself; the places above regions list the publisher's models only. */
function vertexPath({ project, location }: { readonly project: string; readonly location: string }): string {
  return location.includes('-')
    ? `/v1/projects/${project}/locations/${location}/models?pageSize=1`
    : '/v1beta1/publishers/google/models?pageSize=1';
}
