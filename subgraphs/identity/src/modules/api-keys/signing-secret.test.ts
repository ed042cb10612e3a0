import { randomBytes } from 'node:crypto';
import { expect, it } from 'vitest';
import { newUuid } from '@weir/kernel/ids';
import { openSecret } from '@weir/service/vault';
import { sealNewOwnerKey } from '../provider-keys/owner-key.ts';
import { newSigningSecret, resealSigningSecret, sealSigningSecret } from './signing-secret.ts';

it('a signing secret opens with the owner’s key as the proxy binds it, also as that of a successor', () => {
  const masterKey = randomBytes(32);
  const [ownerId, id, successorId] = [newUuid(), newUuid(), newUuid()];
  const ownerKey = sealNewOwnerKey(ownerId, masterKey);
  const ring = { ownerId, ownerKey, masterKey };
  const opened = openSecret(ownerKey, masterKey, `owner:${ownerId}:1`);
  const secret = newSigningSecret();

  const sealed = sealSigningSecret(secret, id, ring);
  expect(openSecret(sealed, opened, `requestSigning:${ownerId}:${id}:1`).toString()).toBe(secret);
  const moved = resealSigningSecret(sealed, id, successorId, ring);
  expect(openSecret(moved, opened, `requestSigning:${ownerId}:${successorId}:1`).toString()).toBe(secret);
  expect(() => openSecret(sealed, opened, `requestSigning:${ownerId}:${successorId}:1`)).toThrow(
    'does not open',
  );
});
