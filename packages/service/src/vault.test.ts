import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sealedSecretSchema } from '@weir/contracts/policy-snapshot';
import { openSecret, proveSecret, sealSecret, VaultError } from './vault.ts';

const key = randomBytes(32);

describe('a sealed secret', () => {
  it('opens to what was sealed, text or bytes', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.string(), (text, associatedData) => {
        const sealed = sealSecret(text, key, associatedData);
        expect(openSecret(sealed, key, associatedData).toString('utf8')).toBe(text);
      }),
    );
    const bytes = randomBytes(32);
    expect(openSecret(sealSecret(bytes, key, 'ad'), key, 'ad')).toEqual(bytes);
  });

  it('opens again and again once it was proven, whatever its length, and is not proven by another key', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 300 }), (text) => {
        const sealed = sealSecret(text, key, 'ad');
        const open = proveSecret(sealed, key, 'ad');
        open().fill(0);
        expect(open().toString('utf8')).toBe(text);
        expect(() => proveSecret(sealed, key, 'other')).toThrow(VaultError);
        expect(() => proveSecret(sealed, randomBytes(32), 'ad')).toThrow(VaultError);
      }),
    );
  });

  it('has the shape of the contract and carries its version', () => {
    const sealed = sealSecret('s', key, 'providerKey:o:k:3', 3);
    expect(sealedSecretSchema.parse(sealed)).toEqual(sealed);
    expect(sealed.version).toBe(3);
  });

  it('differs each time, even for the same secret', () => {
    expect(sealSecret('s', key, 'ad').ciphertext).not.toBe(sealSecret('s', key, 'ad').ciphertext);
    expect(sealSecret('s', key, 'ad').nonce).not.toBe(sealSecret('s', key, 'ad').nonce);
  });

  it('leaves the caller’s own bytes alone', () => {
    const bytes = Buffer.from('secret');
    sealSecret(bytes, key, 'ad');
    expect(bytes.toString()).toBe('secret');
  });

  it('does not open with another key or for another row', () => {
    const sealed = sealSecret('s', key, 'providerKey:o:k:1');
    expect(() => openSecret(sealed, randomBytes(32), 'providerKey:o:k:1')).toThrow(VaultError);
    expect(() => openSecret(sealed, key, 'providerKey:o:k:2')).toThrow(VaultError);
    expect(() => openSecret(sealed, key, '')).toThrow(VaultError);
  });

  it('is sealed with the first of several keys and opens with any of them', () => {
    const [next, former] = [randomBytes(32), key];
    const old = sealSecret('s', former, 'ad');
    expect(openSecret(old, [next, former], 'ad').toString()).toBe('s');
    const sealed = sealSecret('s', [next, former], 'ad');
    expect(openSecret(sealed, next, 'ad').toString()).toBe('s');
    expect(() => openSecret(sealed, former, 'ad')).toThrow(VaultError);
    expect(() => openSecret(old, [next, randomBytes(32)], 'ad')).toThrow(VaultError);
  });

  it('does not open with any bit of ciphertext, tag or nonce changed', () => {
    const sealed = sealSecret('a provider key', key, 'ad');
    const flip = (text: string, bit: number): string => {
      const bytes = Buffer.from(text, 'base64');
      const at = bit % (bytes.length * 8);
      bytes[at >> 3] = (bytes[at >> 3] ?? 0) ^ (1 << (at & 7));
      return bytes.toString('base64');
    };
    fc.assert(
      fc.property(fc.nat(), (bit) => {
        expect(() => openSecret({ ...sealed, ciphertext: flip(sealed.ciphertext, bit) }, key, 'ad')).toThrow(
          VaultError,
        );
        expect(() => openSecret({ ...sealed, nonce: flip(sealed.nonce, bit) }, key, 'ad')).toThrow(
          VaultError,
        );
      }),
    );
  });

  it.each([
    { ciphertext: '', nonce: '' },
    { ciphertext: 'AAAA', nonce: Buffer.alloc(12).toString('base64') },
    { ciphertext: Buffer.alloc(40).toString('base64'), nonce: 'AAAA' },
  ])('does not open when it is cut off (%#)', (sealed) => {
    expect(() => openSecret(sealed, key, 'ad')).toThrow(VaultError);
  });

  it('is neither made nor opened with a key of the wrong length, and the error shows no part of it', () => {
    const short = Buffer.from('0123456789');
    expect(() => sealSecret('s', short, 'ad')).toThrow('a key has 32 bytes, not 10');
    expect(() => openSecret(sealSecret('s', key, 'ad'), short, 'ad')).toThrow('a key has 32 bytes, not 10');
  });
});
