import type { WindowState } from '@weir/counters/contract';
import type { Dialect } from '../endpoints/endpoint.ts';

const SECOND_MS = 1_000;
const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;

/** How a client stands with its limits, as an admission found it. */
export interface LimitStanding {
  readonly windows: readonly WindowState[];
  /** The instant of the states, by the counter store's clock. */
  readonly nowMs: number;
  /** Until when an exceeded budget lets requests pass; null where none does. */
  readonly graceUntilMs: number | null;
}

/** The names of one metric's headers. */
interface WindowHeaders {
  readonly limit: string;
  readonly remaining: string;
  readonly reset: string;
}

/** Written out, because a name that is put together anew is hashed and checked anew. */
const OPENAI: Readonly<Record<WindowState['metric'], WindowHeaders>> = {
  requests: {
    limit: 'x-ratelimit-limit-requests',
    remaining: 'x-ratelimit-remaining-requests',
    reset: 'x-ratelimit-reset-requests',
  },
  tokens: {
    limit: 'x-ratelimit-limit-tokens',
    remaining: 'x-ratelimit-remaining-tokens',
    reset: 'x-ratelimit-reset-tokens',
  },
};
const ANTHROPIC: Readonly<Record<WindowState['metric'], WindowHeaders>> = {
  requests: {
    limit: 'anthropic-ratelimit-requests-limit',
    remaining: 'anthropic-ratelimit-requests-remaining',
    reset: 'anthropic-ratelimit-requests-reset',
  },
  tokens: {
    limit: 'anthropic-ratelimit-tokens-limit',
    remaining: 'anthropic-ratelimit-tokens-remaining',
    reset: 'anthropic-ratelimit-tokens-reset',
  },
};

/**
 * Appends what a client can plan with: the tightest request window as `X-RateLimit-*` (reset in Unix seconds), the
 * tightest request and token windows in the form that the dialect's clients know, and how long a budget's grace lasts.
 */
export function appendLimitHeaders(
  headers: string[],
  { windows, nowMs, graceUntilMs }: LimitStanding,
  dialect: Dialect,
): void {
  const requests = tightest(windows, 'requests');
  if (requests) {
    const remaining = String(requests.remaining);
    const limit = String(requests.limit);
    headers.push('x-ratelimit-limit', limit, 'x-ratelimit-remaining', remaining);
    headers.push('x-ratelimit-reset', String(Math.ceil((nowMs + requests.resetMs) / SECOND_MS)));
    appendWindow(headers, requests, limit, remaining, nowMs, dialect);
  }
  const tokens = tightest(windows, 'tokens');
  if (tokens) {
    appendWindow(headers, tokens, String(tokens.limit), String(tokens.remaining), nowMs, dialect);
  }
  if (graceUntilMs !== null) headers.push('x-weir-budget-grace', new Date(graceUntilMs).toISOString());
}

function appendWindow(
  headers: string[],
  { metric, resetMs }: WindowState,
  limit: string,
  remaining: string,
  nowMs: number,
  dialect: Dialect,
): void {
  const names = (dialect === 'anthropic' ? ANTHROPIC : OPENAI)[metric];
  const reset = dialect === 'anthropic' ? resetInstant(nowMs + resetMs) : formatDuration(resetMs);
  headers.push(names.limit, limit, names.remaining, remaining, names.reset, reset);
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

/** The next whole second, as Anthropic writes instants. */
function resetInstant(ms: number): string {
  return `${new Date(Math.ceil(ms / SECOND_MS) * SECOND_MS).toISOString().slice(0, 19)}Z`;
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
