import { createCipheriv, createDecipheriv, createSecretKey, randomBytes, type KeyObject } from 'node:crypto';
import type { SealedSecret } from '@weir/contracts/policy-snapshot';

/**
 * Secrets at rest: ChaCha20-Poly1305 with a random 96-bit nonce, the tag behind the ciphertext, both base64. The
 * associated data binds a secret to its owner, id and version, so that it cannot be moved to another row.
 */
const ALGORITHM = 'chacha20-poly1305';
const STREAM_ALGORITHM = 'chacha20';
const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** A secret cannot be opened. Says nothing about the secret. */
export class VaultError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'VaultError';
  }
}

/** 32 bytes. */
export type VaultKey = Buffer | KeyObject;
/**
 * The first seals and any of them opens, so that a key can be replaced while secrets are still sealed with the one
 * before. A wrong key never opens anything, so trying them one after the other tells which it was.
 */
export type VaultKeys = readonly [VaultKey, ...VaultKey[]];
/** What the platform seals its owners' keys with. */
export type MasterKey = VaultKey | VaultKeys;

/** @param version Of the secret, as it is part of `associatedData`; stored beside it. */
export function sealSecret(
  plaintext: Buffer | string,
  key: MasterKey,
  associatedData: string,
  version = 1,
): SealedSecret {
  const keyObject = toKeyObject(isSeveral(key) ? key[0] : key);
  const nonce = randomBytes(NONCE_BYTES);
  const bytes = typeof plaintext === 'string' ? Buffer.from(plaintext, 'utf8') : plaintext;
  const cipher = createCipheriv(ALGORITHM, keyObject, nonce, { authTagLength: TAG_BYTES });
  cipher.setAAD(Buffer.from(associatedData, 'utf8'), { plaintextLength: bytes.length });
  const ciphertext = Buffer.concat([cipher.update(bytes), cipher.final(), cipher.getAuthTag()]);
  if (typeof plaintext === 'string') bytes.fill(0);
  return { ciphertext: ciphertext.toString('base64'), nonce: nonce.toString('base64'), version };
}

/**
 * The secret's bytes; the caller overwrites them (`fill(0)`) as soon as they have been used.
 * @throws VaultError when the key or the associated data is another one, or anything was altered.
 */
export function openSecret(
  sealed: Pick<SealedSecret, 'ciphertext' | 'nonce'>,
  key: MasterKey,
  associatedData: string,
): Buffer {
  if (!isSeveral(key)) return openWith(sealed, key, associatedData);
  let refusal: unknown;
  for (const candidate of key) {
    try {
      return openWith(sealed, candidate, associatedData);
    } catch (thrown) {
      refusal = thrown;
    }
  }
  throw refusal;
}

/**
 * For a secret that is opened again and again: proves it once and answers what decrypts it anew at each call. The sealed
 * bytes are kept and cannot change any more, so the proof need not be repeated, which halves what a call costs.
 * @throws VaultError as `openSecret` does.
 */
export function proveSecret(
  sealed: Pick<SealedSecret, 'ciphertext' | 'nonce'>,
  key: VaultKey,
  associatedData: string,
): () => Buffer {
  openSecret(sealed, key, associatedData).fill(0);
  const keyObject = toKeyObject(key);
  const bytes = Buffer.from(sealed.ciphertext, 'base64');
  const ciphertext = bytes.subarray(0, bytes.length - TAG_BYTES);
  // RFC 8439: block 0 of the key stream makes the key of the tag, and the text begins with block 1.
  const start = Buffer.concat([Buffer.from([1, 0, 0, 0]), Buffer.from(sealed.nonce, 'base64')]);
  return () => createDecipheriv(STREAM_ALGORITHM, keyObject, start).update(ciphertext);
}

function isSeveral(key: MasterKey): key is VaultKeys {
  return Array.isArray(key);
}

function openWith(
  sealed: Pick<SealedSecret, 'ciphertext' | 'nonce'>,
  key: VaultKey,
  associatedData: string,
): Buffer {
  const keyObject = toKeyObject(key);
  const nonce = Buffer.from(sealed.nonce, 'base64');
  const bytes = Buffer.from(sealed.ciphertext, 'base64');
  if (nonce.length !== NONCE_BYTES || bytes.length < TAG_BYTES)
    throw new VaultError('the sealed secret is cut off');
  const tagAt = bytes.length - TAG_BYTES;
  const decipher = createDecipheriv(ALGORITHM, keyObject, nonce, { authTagLength: TAG_BYTES });
  decipher.setAAD(Buffer.from(associatedData, 'utf8'), { plaintextLength: tagAt });
  decipher.setAuthTag(bytes.subarray(tagAt));
  const plaintext = decipher.update(bytes.subarray(0, tagAt));
  try {
    decipher.final();
  } catch (cause) {
    // The bytes have not been proven; nobody may see them.
    plaintext.fill(0);
    throw new VaultError('the sealed secret does not open: another key, another row, or altered', { cause });
  }
  return plaintext;
}

/** Ciphers take key objects several times faster than bytes, so a key that is used often is best kept as one. */
function toKeyObject(key: VaultKey): KeyObject {
  const length = Buffer.isBuffer(key) ? key.length : (key.symmetricKeySize ?? 0);
  if (length !== KEY_BYTES) throw new VaultError(`a key has ${KEY_BYTES} bytes, not ${length}`);
  return Buffer.isBuffer(key) ? createSecretKey(key) : key;
}
