import { createSecretKey, type KeyObject } from 'node:crypto';
import type { SealedSecret, SnapshotProviderKey } from '@weir/contracts/policy-snapshot';
import { openSecret } from '@weir/service/vault';

export type OpenProviderSecret = (key: SnapshotProviderKey) => string;

/**
 * Opens a provider key's secret for one call: the owner's key with the master key, the secret with the owner's key.
 *
 * The secret is opened anew for every call and kept nowhere; the buffer that held it is overwritten. The owner's key is
 * kept as long as the policy that brought it, inside a key object whose bytes are out of JavaScript's reach. Whoever
 * could read it there could read the master key beside it, and opening it each time would cost as much as the secret.
 * @throws VaultError when it does not open, which means another master key or altered rows.
 */
export function createProviderSecretOpener(masterKey: Buffer): OpenProviderSecret {
  const master = createSecretKey(masterKey);
  const ownerKeys = new WeakMap<SealedSecret, KeyObject>();

  function ownerKeyOf({ ownerId, ownerKey }: SnapshotProviderKey): KeyObject {
    const known = ownerKeys.get(ownerKey);
    if (known) return known;
    const bytes = openSecret(ownerKey, master, `owner:${ownerId}:${ownerKey.version}`);
    const opened = createSecretKey(bytes);
    bytes.fill(0);
    ownerKeys.set(ownerKey, opened);
    return opened;
  }

  return (key) => {
    const { ownerId, id, secret } = key;
    const bytes = openSecret(secret, ownerKeyOf(key), `providerKey:${ownerId}:${id}:${secret.version}`);
    const text = bytes.toString('utf8');
    bytes.fill(0);
    return text;
  };
}
