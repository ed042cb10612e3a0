/**
 * The secret an application calls with: `sk-Xvs`, 39 random base62 characters (232 bits) and a checksum of 6, in all
 * 51. The checksum lets a proxy refuse a mistyped or truncated key without asking anybody, and a secret scanner
 * recognise a real one.
 */
const PREFIX = 'sk-Xvs';
const RANDOM_LENGTH = 39;
const CHECKSUM_LENGTH = 6;
const LENGTH = PREFIX.length + RANDOM_LENGTH + CHECKSUM_LENGTH;
const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
/** The largest multiple of 62 that a byte can hold; bytes from there on are drawn again, or some characters were likelier. */
const UNBIASED_BELOW = 248;
const WELL_FORMED = new RegExp(`^${PREFIX}[0-9A-Za-z]{${RANDOM_LENGTH + CHECKSUM_LENGTH}}$`);

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  return value >>> 0;
});

/** A new key. It is shown once; keep its SHA-256, `prefix` and `last4` only. */
export function newVirtualKey(): string {
  let text = PREFIX;
  const bytes = new Uint8Array(64);
  while (text.length < PREFIX.length + RANDOM_LENGTH) {
    crypto.getRandomValues(bytes);
    for (const byte of bytes) {
      if (byte < UNBIASED_BELOW && text.length < PREFIX.length + RANDOM_LENGTH)
        text += ALPHABET.charAt(byte % 62);
    }
  }
  bytes.fill(0);
  return text + checksum(text);
}

/** Whether the text can be a key at all: shape and checksum. Says nothing about whether it exists. */
export function isWellFormedVirtualKey(text: string): boolean {
  if (text.length !== LENGTH || !WELL_FORMED.test(text)) return false;
  return text.endsWith(checksum(text.slice(0, LENGTH - CHECKSUM_LENGTH)));
}

/** What may be shown of a key, for example `sk-Xvs1a2` and `9fQz`. */
export function visibleParts(key: string): { readonly prefix: string; readonly last4: string } {
  return { prefix: key.slice(0, 9), last4: key.slice(-4) };
}

/** CRC-32 (IEEE) of ASCII text in base62, most significant character first. */
function checksum(text: string): string {
  let crc = 0xffffffff;
  for (let index = 0; index < text.length; index++) {
    crc = (crc >>> 8) ^ (CRC_TABLE[(crc ^ text.charCodeAt(index)) & 0xff] ?? 0);
  }
  let rest = (crc ^ 0xffffffff) >>> 0;
  let encoded = '';
  for (let index = 0; index < CHECKSUM_LENGTH; index++) {
    encoded = ALPHABET.charAt(rest % 62) + encoded;
    rest = Math.floor(rest / 62);
  }
  return encoded;
}
