/**
 * The key stream of ChaCha20 (RFC 8439) laid over a text, which encrypts and decrypts alike. For secrets of a block or two
 * that are opened with every request: OpenSSL takes longer to set itself up than to compute, and leaves an object behind
 * that the garbage collector has to finalize. It proves nothing; whoever calls it has the proof already.
 */
const BLOCK_BYTES = 64;
const BLOCK_WORDS = 16;
/** "expand 32-byte k" */
const CONSTANTS = [0x61707865, 0x3320646e, 0x79622d32, 0x6b206574] as const;
const DOUBLE_ROUNDS = 10;

/** Overwritten after every use, because the key is in them. */
const start = new Int32Array(BLOCK_WORDS);
const block = new Int32Array(BLOCK_WORDS);

/**
 * @param key 32 bytes.
 * @param nonce 12 bytes.
 * @param counter Of the first block.
 */
export function chacha20(key: Uint8Array, nonce: Uint8Array, counter: number, text: Uint8Array): Buffer {
  start.set(CONSTANTS);
  for (let word = 0; word < 8; word++) start[4 + word] = wordAt(key, word * 4);
  start[12] = counter;
  for (let word = 0; word < 3; word++) start[13 + word] = wordAt(nonce, word * 4);
  const out = Buffer.allocUnsafe(text.length);
  for (let from = 0; from < text.length; from += BLOCK_BYTES) {
    computeBlock();
    start[12] = (start[12] ?? 0) + 1;
    const end = Math.min(text.length, from + BLOCK_BYTES);
    for (let at = from; at < end; at++) {
      const inBlock = at - from;
      out[at] = (text[at] ?? 0) ^ ((block[inBlock >> 2] ?? 0) >>> ((inBlock & 3) * 8));
    }
  }
  start.fill(0);
  block.fill(0);
  return out;
}

function wordAt(bytes: Uint8Array, at: number): number {
  return (
    (bytes[at] ?? 0) |
    ((bytes[at + 1] ?? 0) << 8) |
    ((bytes[at + 2] ?? 0) << 16) |
    ((bytes[at + 3] ?? 0) << 24)
  );
}

function computeBlock(): void {
  block.set(start);
  for (let round = 0; round < DOUBLE_ROUNDS; round++) {
    quarterRound(0, 4, 8, 12);
    quarterRound(1, 5, 9, 13);
    quarterRound(2, 6, 10, 14);
    quarterRound(3, 7, 11, 15);
    quarterRound(0, 5, 10, 15);
    quarterRound(1, 6, 11, 12);
    quarterRound(2, 7, 8, 13);
    quarterRound(3, 4, 9, 14);
  }
  for (let word = 0; word < BLOCK_WORDS; word++) block[word] = (block[word] ?? 0) + (start[word] ?? 0);
}

/** On four words of the block, by their numbers. */
function quarterRound(first: number, second: number, third: number, fourth: number): void {
  let a = block[first] ?? 0;
  let b = block[second] ?? 0;
  let c = block[third] ?? 0;
  let d = block[fourth] ?? 0;
  a = (a + b) | 0;
  d = rotated(d ^ a, 16);
  c = (c + d) | 0;
  b = rotated(b ^ c, 12);
  a = (a + b) | 0;
  d = rotated(d ^ a, 8);
  c = (c + d) | 0;
  b = rotated(b ^ c, 7);
  block[first] = a;
  block[second] = b;
  block[third] = c;
  block[fourth] = d;
}

function rotated(word: number, bits: number): number {
  return (word << bits) | (word >>> (32 - bits));
}
