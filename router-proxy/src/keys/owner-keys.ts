import { createSecretKey, type KeyObject } from 'node:crypto';
import type { SealedSecret } from '@weir/contracts/policy-snapshot';
import { openSecret, proveSecret, type MasterKey } from '@weir/service/vault';

/** Something sealed with an owner's key, and that key, sealed with the master key. */
export interface OwnedSecret {
  readonly ownerId: string;
  readonly secret: SealedSecret;
  readonly ownerKey: SealedSecret;
}

/**
 * Opens a secret for one use. The caller overwrites the bytes as soon as they have been used.
 * @param binding What binds the secret to its place.
 * @throws VaultError when it does not open, which means another master key or altered rows.
 */
export type OpenOwnedSecret = (owned: OwnedSecret, binding: string) => Buffer;

/** A secret that has opened before, and what it was opened with. */
interface ProvenSecret {
  readonly binding: string;
  readonly ownerKey: SealedSecret;
  /** Decrypts it, again at each call. */
  open(): Buffer;
}

/**
 * Opens what owners' keys seal. The owner's key is kept as long as the policy that brought it, inside a key object whose
 * bytes are out of JavaScript's reach. Whoever could read it there could read the master key beside it, and opening it
 * each time would cost as much as the secret.
 */
export function createOwnedSecretOpener(masterKey: MasterKey): OpenOwnedSecret {
  const ownerKeys = new WeakMap<SealedSecret, KeyObject>();
  const proven = new WeakMap<SealedSecret, ProvenSecret>();

  function ownerKeyOf({ ownerId, ownerKey }: OwnedSecret): KeyObject {
    const known = ownerKeys.get(ownerKey);
    if (known) return known;
    const bytes = openSecret(ownerKey, masterKey, `owner:${ownerId}:${ownerKey.version}`);
    const opened = createSecretKey(bytes);
    bytes.fill(0);
    ownerKeys.set(ownerKey, opened);
    return opened;
  }

  return (owned, binding) => {
    const known = proven.get(owned.secret);
    if (known?.binding === binding && known.ownerKey === owned.ownerKey) return known.open();
    const open = proveSecret(owned.secret, ownerKeyOf(owned), binding);
    proven.set(owned.secret, { binding, ownerKey: owned.ownerKey, open });
    return open();
  };
}
