import type { SnapshotProviderKey } from '@weir/contracts/policy-snapshot';
import type { OpenOwnedSecret } from './owner-keys.ts';

export type OpenProviderSecret = (key: SnapshotProviderKey) => string;

/**
 * Opens a provider key's secret for one call. It is opened anew for every call and kept nowhere; the buffer that held it
 * is overwritten.
 * @throws VaultError when it does not open, which means another master key or altered rows.
 */
export function createProviderSecretOpener(openOwned: OpenOwnedSecret): OpenProviderSecret {
  return (key) => {
    const { ownerId, id, secret } = key;
    const bytes = openOwned(key, `providerKey:${ownerId}:${id}:${secret.version}`);
    const text = bytes.toString('utf8');
    bytes.fill(0);
    return text;
  };
}
