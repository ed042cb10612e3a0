import type { ProviderHeaders } from '../http/response-headers.ts';

/** Longer waits are taken as a mistake of the provider or an attempt to switch a key off. */
const WAIT_MAX_MS = 3_600_000;

/** How long a provider asks to be left alone; null when it does not say. Milliseconds, at most an hour. */
export function retryAfterMs(headers: ProviderHeaders, nowMs: number): number | null {
  const exact = Number(single(headers['retry-after-ms']) ?? Number.NaN);
  if (exact >= 0) return Math.min(exact, WAIT_MAX_MS);
  const text = single(headers['retry-after']);
  if (text === undefined) return null;
  const seconds = Number(text);
  if (seconds >= 0) return Math.min(seconds * 1_000, WAIT_MAX_MS);
  const date = Date.parse(text);
  return Number.isNaN(date) ? null : Math.min(Math.max(0, date - nowMs), WAIT_MAX_MS);
}

function single(value: string | string[] | undefined): string | undefined {
  const text = Array.isArray(value) ? value[0] : value;
  return text === undefined || text.trim() === '' ? undefined : text;
}
