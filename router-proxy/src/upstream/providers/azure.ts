import type { Operation } from '@weir/contracts/operation';
import type { AzureConfig } from '@weir/contracts/provider-config';
import { modelNameAt, NO_MEMBERS, pathPrefixOf, pathSegment, type Provider } from './provider.ts';

const FORWARDED = ['accept', 'openai-beta'] as const;

/** What Azure OpenAI has of OpenAI's operations. */
const SERVED: ReadonlySet<Operation> = new Set([
  'chat/completions',
  'completions',
  'responses',
  'embeddings',
  'images/generations',
  'images/edits',
  'audio/speech',
  'audio/transcriptions',
  'audio/translations',
]);

/** Operations that name the deployment in their body on the dated surface as well. */
const WITHOUT_DEPLOYMENT: ReadonlySet<Operation> = new Set(['responses']);

/**
 * Azure OpenAI: the base URL is the resource's endpoint. Dated API versions have the deployment in the path and the
 * version in the query; the surface `v1` is OpenAI's, where the body's model names the deployment.
 */
export function azureProvider(url: URL, config: AzureConfig): Provider {
  const root = `${pathPrefixOf(url, ['/openai/v1', '/openai'])}/openai`;
  const versionOf = (operation: Operation): string => config.apiVersions[operation] ?? config.apiVersion;
  return {
    serves: (operation, model) =>
      SERVED.has(operation) && pathSegment(modelNameAt(config.deployments, model)) !== undefined,
    call(operation, model) {
      const deployment = modelNameAt(config.deployments, model);
      return {
        path: root + pathOf(operation, deployment, versionOf(operation)),
        model: deployment,
        credential: 'api-key',
        forwarded: FORWARDED,
        headers: [],
        members: NO_MEMBERS,
      };
    },
  };
}

function pathOf(operation: Operation, deployment: string, version: string): string {
  if (version === 'v1') return `/v1/${operation}`;
  const query = `?api-version=${version}`;
  if (version === 'preview') return `/v1/${operation}${query}`;
  if (WITHOUT_DEPLOYMENT.has(operation)) return `/${operation}${query}`;
  return `/deployments/${pathSegment(deployment) ?? ''}/${operation}${query}`;
}
