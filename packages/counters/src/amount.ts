/** Amounts cross the contract as bigint and are counted as doubles, exact below 2^53, in both stores. */
export const MAX_AMOUNT = Number.MAX_SAFE_INTEGER;

/** @throws RangeError for what neither store can count exactly. */
export function toAmount(value: bigint, name: string): number {
  const amount = Number(value);
  if (amount > MAX_AMOUNT || amount < -MAX_AMOUNT) throw new RangeError(`${name} must be below 2^53`);
  return amount;
}

/** A limit beyond what can be counted denies early rather than late. */
export function toLimit(value: bigint): number {
  const limit = Number(value);
  return limit > MAX_AMOUNT ? MAX_AMOUNT : limit;
}
