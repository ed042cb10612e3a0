import type { WindowState } from '@weir/counters/contract';
import type { Dialect } from '../endpoints/endpoint.ts';

const SECOND_MS = 1_000;
const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;

/**
 * Appends what a client can plan with: the tightest request window as `X-RateLimit-*` (reset in Unix seconds), and
 * the tightest request and token windows in the form that the dialect's clients know.
 * @param nowMs The instant of the states, by the counter store's clock.
 */
export function appendLimitHeaders(
  headers: string[],
  windows: readonly WindowState[],
  nowMs: number,
  dialect: Dialect,
): void {
  if (windows.length === 0) return;
  const append = (kind: WindowState['metric'], window: WindowState): void =>
    dialect === 'anthropic'
      ? appendAnthropic(headers, kind, window, nowMs)
      : appendOpenAi(headers, kind, window);
  const requests = tightest(windows, 'requests');
  if (requests) {
    headers.push('x-ratelimit-limit', String(requests.limit));
    headers.push('x-ratelimit-remaining', String(requests.remaining));
    headers.push('x-ratelimit-reset', String(Math.ceil((nowMs + requests.resetMs) / SECOND_MS)));
    append('requests', requests);
  }
  const tokens = tightest(windows, 'tokens');
  if (tokens) append('tokens', tokens);
}

/** The window with the least left; of equal ones the one that takes longest to reset. */
function tightest(windows: readonly WindowState[], metric: WindowState['metric']): WindowState | undefined {
  let found: WindowState | undefined;
  for (const window of windows) {
    if (window.metric !== metric) continue;
    if (!found || window.remaining < found.remaining) found = window;
    else if (window.remaining === found.remaining && window.resetMs > found.resetMs) found = window;
  }
  return found;
}

/** Resets as an instant. */
function appendAnthropic(
  headers: string[],
  kind: WindowState['metric'],
  window: WindowState,
  nowMs: number,
): void {
  const name = `anthropic-ratelimit-${kind}`;
  const resetsAtMs = Math.ceil((nowMs + window.resetMs) / SECOND_MS) * SECOND_MS;
  headers.push(`${name}-limit`, String(window.limit));
  headers.push(`${name}-remaining`, String(window.remaining));
  headers.push(`${name}-reset`, `${new Date(resetsAtMs).toISOString().slice(0, 19)}Z`);
}

/** Resets as a duration. */
function appendOpenAi(headers: string[], kind: WindowState['metric'], window: WindowState): void {
  headers.push(`x-ratelimit-limit-${kind}`, String(window.limit));
  headers.push(`x-ratelimit-remaining-${kind}`, String(window.remaining));
  headers.push(`x-ratelimit-reset-${kind}`, formatDuration(window.resetMs));
}

/** `90061001` ms → `25h1m1.001s`, as OpenAI writes durations. */
export function formatDuration(ms: number): string {
  const whole = Math.max(0, Math.ceil(ms));
  if (whole < SECOND_MS) return `${whole}ms`;
  const hours = Math.floor(whole / HOUR_MS);
  const minutes = Math.floor((whole % HOUR_MS) / MINUTE_MS);
  const seconds = (whole % MINUTE_MS) / SECOND_MS;
  return `${hours > 0 ? `${hours}h` : ''}${hours > 0 || minutes > 0 ? `${minutes}m` : ''}${seconds}s`;
}
