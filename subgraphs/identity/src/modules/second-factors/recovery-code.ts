import { createHash, randomBytes } from 'node:crypto';
import type { Uuid } from '@weir/kernel/ids';

/** How many codes a person gets at a time. */
export const RECOVERY_CODES = 10;

/** Crockford's base32: no letter looks like a digit. 80 random bits, so that a fast hash keeps them. */
const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz';
const CHARACTERS = 16;
const MISREAD: Readonly<Record<string, string>> = { o: '0', i: '1', l: '1' };

/** For example `k3f9-0x2m-q7pa-vd51`. */
function newRecoveryCode(): string {
  const characters = [...randomBytes(CHARACTERS)].map((byte) => ALPHABET.charAt(byte & 31)).join('');
  return characters.replaceAll(/.{4}(?=.)/g, '$&-');
}

export function newRecoveryCodes(): readonly string[] {
  return Array.from({ length: RECOVERY_CODES }, newRecoveryCode);
}

/** What is kept of a code, whatever its case and hyphens; undefined when the text cannot be one. */
export function hashOfRecoveryCode(userId: Uuid, text: string): Uint8Array<ArrayBuffer> | undefined {
  const plain = text.toLowerCase().replaceAll(/[\s-]/g, '');
  const code = plain.replaceAll(/[oil]/g, (letter) => MISREAD[letter] ?? letter);
  if (code.length !== CHARACTERS || [...code].some((character) => !ALPHABET.includes(character))) {
    return undefined;
  }
  return new Uint8Array(createHash('sha256').update(`${userId}:${code}`).digest());
}
