import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { newUuid } from '@weir/kernel/ids';
import { openSecret } from '@weir/service/vault';
import { sealNewOwnerKey, sealProviderSecret } from './owner-key.ts';
import { ownerKeyBinding, providerKeyBinding } from './provider-key.ts';

describe('a provider’s secret', () => {
  const masterKey = randomBytes(32);
  const key = { id: newUuid(), ownerId: newUuid() };
  const ownerKey = sealNewOwnerKey(key.ownerId, masterKey);
  const sealed = sealProviderSecret(key.id, 'sk-provider', { ownerId: key.ownerId, ownerKey, masterKey });

  it('opens with the owner’s key, which opens with the master key, as the contract binds them', () => {
    const opened = openSecret(ownerKey, masterKey, ownerKeyBinding(key.ownerId, ownerKey.version));
    expect(opened).toHaveLength(32);
    const binding = `providerKey:${key.ownerId}:${key.id}:${String(sealed.version)}`;
    expect(openSecret(sealed, opened, binding).toString()).toBe('sk-provider');
  });

  it('opens in no other place and with no other key', () => {
    const opened = openSecret(ownerKey, masterKey, ownerKeyBinding(key.ownerId, ownerKey.version));
    const elsewhere = providerKeyBinding({ ...key, id: newUuid() }, sealed.version);
    expect(() => openSecret(sealed, opened, elsewhere)).toThrow('does not open');
    expect(() =>
      sealProviderSecret(key.id, 'x', { ownerId: key.ownerId, ownerKey, masterKey: randomBytes(32) }),
    ).toThrow('does not open');
    expect(() => sealProviderSecret(key.id, 'x', { ownerId: newUuid(), ownerKey, masterKey })).toThrow(
      'does not open',
    );
  });
});
