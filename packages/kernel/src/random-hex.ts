/**
 * Random bytes as hex from a pool: one call of the system's generator per 4096 bytes instead of one per id, which
 * keeps ids off the list of what a request costs. For identifiers only; secrets draw their own bytes.
 */
const POOL_BYTES = 4096;
const pool = new Uint8Array(POOL_BYTES);
let next = POOL_BYTES;

const HEX: readonly string[] = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

export function randomByte(): number {
  if (next === POOL_BYTES) {
    crypto.getRandomValues(pool);
    next = 0;
  }
  return pool[next++] ?? 0;
}

/** `byteCount` random bytes as lower-case hex. */
export function randomHex(byteCount: number): string {
  let text = '';
  for (let index = 0; index < byteCount; index++) text += HEX[randomByte()] ?? '';
  return text;
}
