import type { Clock } from '@weir/kernel/clock';
import { AppError } from '@weir/kernel/errors';
import type { Dialect } from '../endpoints/endpoint.ts';
import { Exchange, type Received } from './exchange.ts';
import { appendLimitHeaders } from './limit-headers.ts';
import type { LiveRequests } from './live-requests.ts';
import type { Reporter } from './report.ts';

export interface ServeRequestDeps {
  readonly live: LiveRequests;
  readonly reporter: Reporter;
  readonly clock: Clock;
  /** The longest that one request may take, its stream included. */
  readonly requestTimeoutMs: number;
  /** Requests served at once; one more is refused instead of making all of them slow. */
  readonly inFlightMax: number;
  /** Why no request can be served at present, or null. */
  readonly refusal: () => AppError | null;
}

/** Whom a request reached: what logs call it, whose clients it has, and what answers. */
export interface Reached {
  readonly endpoint: string | null;
  readonly dialect: Dialect;
  serve(exchange: Exchange): Promise<void>;
}

/** Every request ends here, however it was read: it is counted, bounded in time, answered once and reported once. */
export type ServeRequest = (reached: Reached, received: Received) => Exchange;

export function createServeRequest(deps: ServeRequestDeps): ServeRequest {
  return (reached, received) => {
    const exchange = new Exchange(received, reached.dialect, deps.clock.now(), deps.requestTimeoutMs);
    deps.live.add(exchange);
    void serveAndReport(deps, reached, exchange);
    return exchange;
  };
}

async function serveAndReport(deps: ServeRequestDeps, reached: Reached, exchange: Exchange): Promise<void> {
  let error: AppError | null = null;
  try {
    const refusal = deps.refusal() ?? (deps.live.size > deps.inFlightMax ? tooBusy() : null);
    if (refusal) throw refusal;
    await reached.serve(exchange);
  } catch (thrown) {
    error = tellFailure(exchange, thrown);
  }
  if (exchange.settling) await exchange.settling;
  deps.live.delete(exchange);
  deps.reporter.finished(exchange, reached.endpoint, error);
}

function tellFailure({ lifetime: { ending }, answer, limits, dialect }: Exchange, thrown: unknown): AppError {
  const headers: string[] = [];
  if (limits) appendLimitHeaders(headers, limits, dialect);
  // What was waited for was given up because the request was stopped: that is the reason to tell.
  return answer.fail(ending?.kind === 'stopped' ? ending.error : thrown, headers);
}

function tooBusy(): AppError {
  return new AppError(
    'DEPENDENCY_UNAVAILABLE',
    'Too many requests are being served right now. Try again shortly.',
    {
      retryAfterSeconds: 1,
    },
  );
}
