import type { SnapshotProviderKey } from '@weir/contracts/policy-snapshot';
import { defaultBaseUrl, providerConfigSchema } from '@weir/contracts/provider-config';
import { encodeId } from '@weir/kernel/ids';
import { anthropicProvider } from './providers/anthropic.ts';
import { azureProvider } from './providers/azure.ts';
import { openaiProvider } from './providers/openai.ts';
import type { Provider } from './providers/provider.ts';
import { vertexProvider } from './providers/vertex.ts';

/** A provider key with everything worked out that does not depend on the single request. */
export interface ProviderTarget {
  readonly key: SnapshotProviderKey;
  /** `pvk_…`: what clients know it by. */
  readonly publicId: string;
  /** Scheme, host and port. */
  readonly origin: string;
  readonly provider: Provider;
}

/** Undefined when the base URL is none that can be called, or the config is not one of its kind. */
export function compileProviderTarget(key: SnapshotProviderKey): ProviderTarget | undefined {
  const baseUrl = key.baseUrl === '' ? (defaultBaseUrl(key.provider, key.config) ?? '') : key.baseUrl;
  if (!URL.canParse(baseUrl)) return undefined;
  const url = new URL(baseUrl);
  if (url.protocol !== 'https:' && url.protocol !== 'http:') return undefined;
  const provider = providerOf(key, url);
  return provider && { key, publicId: encodeId('providerKey', key.id), origin: url.origin, provider };
}

function providerOf(key: SnapshotProviderKey, url: URL): Provider | undefined {
  switch (key.provider) {
    case 'openai': {
      const { data } = providerConfigSchema.openai.safeParse(key.config);
      return data && openaiProvider(url, data);
    }
    case 'azure': {
      const { data } = providerConfigSchema.azure.safeParse(key.config);
      return data && azureProvider(url, data);
    }
    case 'anthropic': {
      const { data } = providerConfigSchema.anthropic.safeParse(key.config);
      return data && anthropicProvider(url, data);
    }
    case 'vertex': {
      const { data } = providerConfigSchema.vertex.safeParse(key.config);
      return data && vertexProvider(url, data);
    }
  }
}
