/** What stands for a number that is not given; every real limit and cap is at least 0. */
export const NONE = -1;

/**
 * Many numbers as one argument or reply of a function: little-endian doubles, exact for every amount, and an order of
 * magnitude cheaper on both sides than as many texts. (Node runs on little-endian machines only.)
 */
export function toDoubles(numbers: readonly number[]): Buffer {
  return Buffer.from(new Float64Array(numbers).buffer);
}

/** @throws TypeError when the reply is no such text: client and function do not belong together. */
export function fromDoubles(reply: unknown): Float64Array {
  if (!Buffer.isBuffer(reply) || reply.length % 8 !== 0) {
    throw new TypeError('a function of the counter store answered with something that is no row of numbers');
  }
  // Copied, because a reply may begin anywhere in its buffer.
  return new Float64Array(new Uint8Array(reply).buffer);
}
