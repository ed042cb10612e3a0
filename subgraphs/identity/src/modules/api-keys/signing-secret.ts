import { randomBytes } from 'node:crypto';
import type { SealedSecret } from '@weir/contracts/policy-snapshot';
import type { Uuid } from '@weir/kernel/ids';
import { openSecret, sealSecret } from '@weir/service/vault';
import { withOwnerKey, type OwnerKeyRing } from '../provider-keys/owner-key.ts';

const SECRET_BYTES = 32;
const VERSION = 1;

/** What binds a sealed signing secret to its API key, so that it opens as no other key's. */
export function signingSecretBinding(ownerId: Uuid, apiKeyId: Uuid, version: number): string {
  return `requestSigning:${ownerId}:${apiKeyId}:${version}`;
}

/** A new secret; the text itself is the key of the HMAC. */
export function newSigningSecret(): string {
  return `weirsig_${randomBytes(SECRET_BYTES).toString('base64url')}`;
}

/** @throws VaultError when the master key is not the one that sealed the owner's key. */
export function sealSigningSecret(secret: string, apiKeyId: Uuid, ring: OwnerKeyRing): SealedSecret {
  return withOwnerKey(ring, (key) =>
    sealSecret(secret, key, signingSecretBinding(ring.ownerId, apiKeyId, VERSION), VERSION),
  );
}

/** The same secret for another API key: whoever signs goes on with the secret that they have. */
export function resealSigningSecret(
  sealed: SealedSecret,
  from: Uuid,
  to: Uuid,
  ring: OwnerKeyRing,
): SealedSecret {
  return withOwnerKey(ring, (key) => {
    const secret = openSecret(sealed, key, signingSecretBinding(ring.ownerId, from, sealed.version));
    try {
      return sealSecret(secret, key, signingSecretBinding(ring.ownerId, to, VERSION), VERSION);
    } finally {
      secret.fill(0);
    }
  });
}
