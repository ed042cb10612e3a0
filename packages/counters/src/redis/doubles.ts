/**
 * Many numbers as one argument or reply of a script: little-endian doubles, exact for every amount, and an order of
 * magnitude cheaper on both sides than as many texts. (Node runs on little-endian machines only.)
 */
export function toDoubles(numbers: readonly number[]): Buffer {
  return Buffer.from(Float64Array.from(numbers).buffer);
}

/** @throws TypeError when the reply is no such text: client and script do not belong together. */
export function fromDoubles(reply: unknown): number[] {
  if (!Buffer.isBuffer(reply) || reply.length % 8 !== 0) {
    throw new TypeError('a script of the counter store answered with something that is no row of numbers');
  }
  const numbers = new Array<number>(reply.length / 8);
  for (let index = 0; index < numbers.length; index++) numbers[index] = reply.readDoubleLE(index * 8);
  return numbers;
}
