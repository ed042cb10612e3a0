import { randomBytes } from 'node:crypto';
import type { SealedSecret } from '@weir/contracts/policy-snapshot';
import type { Uuid } from '@weir/kernel/ids';
import { openSecret, sealSecret, type MasterKey } from '@weir/service/vault';
import { ownerKeyBinding, providerKeyBinding } from './provider-key.ts';

const OWNER_KEY_BYTES = 32;
const FIRST_VERSION = 1;

/** A new key of an owner, sealed with the master key. Nobody ever sees it. */
export function sealNewOwnerKey(ownerId: Uuid, masterKey: MasterKey): SealedSecret {
  const key = randomBytes(OWNER_KEY_BYTES);
  try {
    return sealSecret(key, masterKey, ownerKeyBinding(ownerId, FIRST_VERSION), FIRST_VERSION);
  } finally {
    key.fill(0);
  }
}

/** An owner's key as it is stored, and what opens it. */
export interface OwnerKeyRing {
  readonly ownerId: Uuid;
  readonly ownerKey: SealedSecret;
  readonly masterKey: MasterKey;
}

/**
 * Opens an owner's key for one use.
 * @throws VaultError when no master key is the one that sealed it.
 */
export function withOwnerKey<T>(
  { ownerId, ownerKey, masterKey }: OwnerKeyRing,
  use: (opened: Buffer) => T,
): T {
  const opened = openSecret(ownerKey, masterKey, ownerKeyBinding(ownerId, ownerKey.version));
  try {
    return use(opened);
  } finally {
    opened.fill(0);
  }
}

/**
 * A provider's secret, sealed with its owner's key.
 * @param version One more than the version of the secret that it replaces.
 * @throws VaultError when no master key is the one that sealed the owner's key.
 */
export function sealProviderSecret(
  id: Uuid,
  secret: string,
  ring: OwnerKeyRing,
  version = FIRST_VERSION,
): SealedSecret {
  const binding = providerKeyBinding({ id, ownerId: ring.ownerId }, version);
  return withOwnerKey(ring, (opened) => sealSecret(secret, opened, binding, version));
}

/** @throws VaultError when it does not open, which means another master key or altered rows. */
export function openProviderSecret(id: Uuid, secret: SealedSecret, ring: OwnerKeyRing): string {
  const binding = providerKeyBinding({ id, ownerId: ring.ownerId }, secret.version);
  return withOwnerKey(ring, (opened) => {
    const bytes = openSecret(secret, opened, binding);
    try {
      return bytes.toString('utf8');
    } finally {
      bytes.fill(0);
    }
  });
}
