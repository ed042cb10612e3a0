import type { SnapshotProviderKey } from '@weir/contracts/policy-snapshot';

/** A provider key with its address taken apart. */
export interface ProviderTarget {
  readonly key: SnapshotProviderKey;
  /** Scheme, host and port. */
  readonly origin: string;
  /** The base URL's path without a trailing slash; endpoint paths are appended to it. */
  readonly pathPrefix: string;
  /** How the provider wants its key. */
  readonly credentialHeader: 'authorization' | 'api-key';
}

/** Undefined when the base URL is none that can be called. */
export function compileProviderTarget(key: SnapshotProviderKey): ProviderTarget | undefined {
  if (!URL.canParse(key.baseUrl)) return undefined;
  const url = new URL(key.baseUrl);
  if (url.protocol !== 'https:' && url.protocol !== 'http:') return undefined;
  return {
    key,
    origin: url.origin,
    pathPrefix: url.pathname.replace(/\/+$/, ''),
    credentialHeader: key.provider === 'azure' ? 'api-key' : 'authorization',
  };
}
