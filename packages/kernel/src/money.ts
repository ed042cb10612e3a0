import type { Brand } from './brand.ts';

/** One thousand-millionth of a US dollar. The only unit of money inside the platform. */
export type NanoUsd = Brand<bigint, 'NanoUsd'>;

export const NANO_PER_USD = 1_000_000_000n;

/**
 * Largest amount a counter may hold: Lua computes with doubles, which are exact to 2^53 - 1 (about 9 million USD).
 * Limits above it are refused where they are written.
 */
export const MAX_COUNTER_NANO_USD = 9_007_199_254_740_991n as NanoUsd;

export function nanoUsd(value: bigint): NanoUsd {
  return value as NanoUsd;
}

/** Quotient of two non-negative integers, rounded up: the platform's one rounding rule. */
export function ceilDiv(dividend: bigint, divisor: bigint): bigint {
  if (divisor <= 0n) throw new RangeError('divisor must be positive');
  return dividend >= 0n ? (dividend + divisor - 1n) / divisor : dividend / divisor;
}

/** `1234500000n` → `"1.2345"`: a decimal string without an exponent and without trailing zeros. */
export function formatUsd(amount: bigint): string {
  const sign = amount < 0n ? '-' : '';
  const absolute = amount < 0n ? -amount : amount;
  const fraction = (absolute % NANO_PER_USD).toString().padStart(9, '0').replace(/0+$/, '');
  return `${sign}${absolute / NANO_PER_USD}${fraction === '' ? '' : `.${fraction}`}`;
}

/** Undefined unless the text is a plain decimal with at most nine places, for example `12`, `0.5` or `-3.25`. */
export function parseUsd(text: string): NanoUsd | undefined {
  const match = /^(-?)(\d{1,18})(?:\.(\d{1,9}))?$/.exec(text);
  if (!match) return undefined;
  const absolute = BigInt(match[2] ?? '0') * NANO_PER_USD + BigInt((match[3] ?? '').padEnd(9, '0'));
  return (match[1] === '-' ? -absolute : absolute) as NanoUsd;
}
