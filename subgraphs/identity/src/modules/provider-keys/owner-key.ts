import { randomBytes } from 'node:crypto';
import type { SealedSecret } from '@weir/contracts/policy-snapshot';
import type { Uuid } from '@weir/kernel/ids';
import { openSecret, sealSecret, type MasterKey } from '@weir/service/vault';
import { ownerKeyBinding, providerKeyBinding, type ProviderKey } from './provider-key.ts';

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
  readonly ownerKey: SealedSecret;
  readonly masterKey: MasterKey;
}

type KeyPlace = Pick<ProviderKey, 'id' | 'ownerId'>;

/**
 * A provider's secret, sealed with its owner's key.
 * @param version One more than the version of the secret that it replaces.
 * @throws VaultError when no master key is the one that sealed the owner's key.
 */
export function sealProviderSecret(
  key: KeyPlace,
  secret: string,
  ring: OwnerKeyRing,
  version = FIRST_VERSION,
): SealedSecret {
  return withOwnerKey(key.ownerId, ring, (opened) =>
    sealSecret(secret, opened, providerKeyBinding(key, version), version),
  );
}

/** @throws VaultError when it does not open, which means another master key or altered rows. */
export function openProviderSecret(key: KeyPlace, secret: SealedSecret, ring: OwnerKeyRing): string {
  return withOwnerKey(key.ownerId, ring, (opened) => {
    const bytes = openSecret(secret, opened, providerKeyBinding(key, secret.version));
    try {
      return bytes.toString('utf8');
    } finally {
      bytes.fill(0);
    }
  });
}

/**
 * Uses an owner's key, which nobody keeps.
 * @throws VaultError when no master key is the one that sealed it.
 */
export function withOwnerKey<T>(
  ownerId: Uuid,
  { ownerKey, masterKey }: OwnerKeyRing,
  use: (opened: Buffer) => T,
): T {
  const opened = openSecret(ownerKey, masterKey, ownerKeyBinding(ownerId, ownerKey.version));
  try {
    return use(opened);
  } finally {
    opened.fill(0);
  }
}
