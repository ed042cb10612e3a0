import { randomBytes } from 'node:crypto';
import type { SealedSecret } from '@weir/contracts/policy-snapshot';
import type { Uuid } from '@weir/kernel/ids';
import { openSecret, sealSecret } from '@weir/service/vault';
import { ownerKeyBinding, providerKeyBinding, type ProviderKey } from './provider-key.ts';

const OWNER_KEY_BYTES = 32;
const FIRST_VERSION = 1;

/** A new key of an owner, sealed with the master key. Nobody ever sees it. */
export function sealNewOwnerKey(ownerId: Uuid, masterKey: Buffer): SealedSecret {
  const key = randomBytes(OWNER_KEY_BYTES);
  try {
    return sealSecret(key, masterKey, ownerKeyBinding(ownerId, FIRST_VERSION), FIRST_VERSION);
  } finally {
    key.fill(0);
  }
}

/**
 * A provider's secret, sealed with its owner's key.
 * @throws VaultError when the master key is not the one that sealed the owner's key.
 */
export function sealProviderSecret(
  key: Pick<ProviderKey, 'id' | 'ownerId'>,
  secret: string,
  ownerKey: SealedSecret,
  masterKey: Buffer,
): SealedSecret {
  const opened = openSecret(ownerKey, masterKey, ownerKeyBinding(key.ownerId, ownerKey.version));
  try {
    return sealSecret(secret, opened, providerKeyBinding(key, FIRST_VERSION), FIRST_VERSION);
  } finally {
    opened.fill(0);
  }
}
