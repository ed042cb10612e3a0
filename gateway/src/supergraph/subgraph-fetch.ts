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

/** Sends one fetch of a query plan. Rejects when the answer is not complete within the deadline. */
export function createSubgraphFetch(dispatcher: Dispatcher, timeoutMs: number) {
  return (url: string, init?: { method?: string; headers?: Record<string, string>; body?: unknown }) =>
    fetch(url, {
      method: init?.method ?? 'POST',
      headers: init?.headers ?? {},
      body: typeof init?.body === 'string' ? init.body : null,
      dispatcher,
      signal: AbortSignal.timeout(timeoutMs),
      redirect: 'error',
    });
}
