import type { PolicySnapshot } from '@weir/contracts/policy-snapshot';

/** What an API key's answers say about its expiry. */
export interface KeyExpiry {
  /** The instant from which on they say it. */
  readonly fromMs: number;
  /** The value of `X-Weir-Key-Expires`. */
  readonly instant: string;
}

const NOTICE_MS = 7 * 86_400_000;

/** Null for a key that does not expire. */
export function keyExpiryOf({ expiresAtMs }: PolicySnapshot['key']): KeyExpiry | null {
  if (expiresAtMs === null) return null;
  return { fromMs: expiresAtMs - NOTICE_MS, instant: new Date(expiresAtMs).toISOString() };
}
