import { AsyncLocalStorage } from 'node:async_hooks';
import { Agent, fetch, type Dispatcher } from 'undici';

/** Below the idle time of the subgraphs' servers, so that a request never meets a connection that they are closing. */
const KEEP_ALIVE_MS = 60_000;
const CONNECTIONS_PER_SUBGRAPH = 64;
const CONNECT_TIMEOUT_MS = 2_000;

/** One pool of connections to the subgraphs for the whole process. */
export function createSubgraphDispatcher(): Agent {
  return new Agent({
    keepAliveTimeout: KEEP_ALIVE_MS,
    keepAliveMaxTimeout: KEEP_ALIVE_MS,
    connections: CONNECTIONS_PER_SUBGRAPH,
    connect: { timeout: CONNECT_TIMEOUT_MS },
  });
}

interface FetchInit {
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly body?: unknown;
}

export interface SubgraphFetch {
  (url: string, init?: FetchInit): ReturnType<typeof fetch>;
  /** Runs the work; the fetches that it makes end when the signal aborts. Apollo's data source has no way to pass one. */
  within<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T>;
}

/** Sends fetches of query plans. Each rejects when the answer is not complete within the deadline. */
export function createSubgraphFetch(dispatcher: Dispatcher, timeoutMs: number): SubgraphFetch {
  const signals = new AsyncLocalStorage<AbortSignal>();
  const send = (url: string, init?: FetchInit): ReturnType<typeof fetch> => {
    const timeout = AbortSignal.timeout(timeoutMs);
    const signal = signals.getStore();
    return fetch(url, {
      method: init?.method ?? 'POST',
      headers: init?.headers ?? {},
      body: typeof init?.body === 'string' ? init.body : null,
      dispatcher,
      signal: signal === undefined ? timeout : AbortSignal.any([signal, timeout]),
      redirect: 'error',
    });
  };
  return Object.assign(send, {
    within: <T>(signal: AbortSignal, work: () => Promise<T>) => signals.run(signal, work),
  });
}
