import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { newUuid } from '@weir/kernel/ids';
import { sealSecret } from '@weir/service/vault';
import { aProviderKey } from '../test-policy.ts';
import { createOwnedSecretOpener } from './owner-keys.ts';
import { createProviderSecretOpener } from './provider-secret.ts';

const master = randomBytes(32);
const ownerBytes = randomBytes(32);
const id = newUuid();
const ownerId = newUuid();
const key = aProviderKey({
  id,
  ownerId,
  secret: sealSecret('sk-secret', ownerBytes, `providerKey:${ownerId}:${id}:1`),
  ownerKey: sealSecret(ownerBytes, master, `owner:${ownerId}:1`),
});

const openerOf = (masterKey: Buffer) => createProviderSecretOpener(createOwnedSecretOpener(masterKey));

describe("a provider key's secret", () => {
  it('opens with the master key, call after call', () => {
    const open = openerOf(master);
    expect([open(key), open(key)]).toEqual(['sk-secret', 'sk-secret']);
  });

  it('does not open with another master key, for another owner, or as the secret of another key', () => {
    expect(() => openerOf(randomBytes(32))(key)).toThrow();
    const open = openerOf(master);
    // What opened once is remembered as proven, for its own place only.
    expect(open(key)).toBe('sk-secret');
    expect(() => open({ ...key, ownerKey: { ...key.ownerKey }, ownerId: newUuid() })).toThrow();
    expect(() => open({ ...key, id: newUuid() })).toThrow();
    expect(() => open({ ...key, secret: { ...key.secret, version: 2 } })).toThrow();
  });
});
