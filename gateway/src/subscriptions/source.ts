import { createClient, type Client } from 'graphql-ws';
import type { FormattedExecutionResult, GraphQLFormattedError } from 'graphql';
import { WebSocket } from 'ws';
import { AppError } from '@weir/kernel/errors';
import { extensionsOf } from '@weir/graphql/format-error';
import { createEventQueue, type EventQueue } from '@weir/graphql/event-queue';
import type { Logger } from '@weir/service/logger';

/** What runs at the owner of a subscription. */
export interface SourceRequest {
  readonly subgraph: string;
  readonly query: string;
  readonly operationName: string | undefined;
  readonly variables: Readonly<Record<string, unknown>>;
  /** Proves the actor to the subgraph; the sockets themselves belong to nobody. */
  readonly identityToken: string;
}

export interface EventSource {
  /** The owner's events. Ends with an event that has only errors when the owner refuses or is lost. */
  open(request: SourceRequest): EventQueue<FormattedExecutionResult>;
  stop(): Promise<void>;
}

export interface EventSourceOptions {
  /** WebSocket URL of a subgraph's GraphQL endpoint. */
  urlOf(subgraph: string): string;
  readonly log: Logger;
  /** Events held per subscriber; beyond it the oldest is dropped. */
  readonly queuedEvents: number;
  onDrop(): void;
}

/** An idle socket is kept so long for the next subscriber. */
const LINGER_MS = 5_000;
const KEEP_ALIVE_MS = 10_000;
const ACK_TIMEOUT_MS = 3_000;
const CONNECT_ATTEMPTS = 4;
const RETRY_BASE_MS = 50;

/** Full jitter, so that the subscribers of a subgraph that comes back do not arrive all at once. */
function retryWait(retries: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  setTimeout(resolve, Math.random() * RETRY_BASE_MS * 2 ** retries);
  return promise;
}

/**
 * One socket per subgraph for all subscribers. Connecting is retried. A connection that is lost is not silently
 * replaced: events in between would be missing without anybody knowing, so each subscription ends with an error and
 * its client subscribes again, with `after` where the field offers it.
 */
function createSubgraphClient(url: string, log: Logger): Client {
  let hasConnected = false;
  return createClient({
    url,
    webSocketImpl: WebSocket,
    lazy: true,
    lazyCloseTimeout: LINGER_MS,
    keepAlive: KEEP_ALIVE_MS,
    connectionAckWaitTimeout: ACK_TIMEOUT_MS,
    retryAttempts: CONNECT_ATTEMPTS,
    retryWait,
    shouldRetry: () => !hasConnected,
    onNonLazyError: (error) => log.warn({ err: error }, 'subgraph socket failed'),
    on: {
      connecting: () => {
        hasConnected = false;
      },
      connected: () => {
        hasConnected = true;
      },
    },
  });
}

function lost(subgraph: string): GraphQLFormattedError {
  const error = new AppError(
    'DEPENDENCY_UNAVAILABLE',
    `The stream from ${subgraph} was lost. Subscribe again; pass what you have seen last where the field allows it.`,
    { retryAfterSeconds: 1 },
  );
  return { message: error.detail, extensions: extensionsOf(error) };
}

/** What graphql-ws reports when a stream fails: the owner's own errors, or whatever befell the socket. */
function errorsOf(failure: unknown, subgraph: string, log: Logger): readonly GraphQLFormattedError[] {
  if (Array.isArray(failure)) return failure as readonly GraphQLFormattedError[];
  const detail = failure instanceof Error ? { err: failure } : { close: closeCodeOf(failure) };
  log.warn({ ...detail, subgraph }, 'subscription source lost');
  return [lost(subgraph)];
}

function closeCodeOf(failure: unknown): unknown {
  return typeof failure === 'object' && failure !== null && 'code' in failure ? failure.code : undefined;
}

export function createEventSource(options: EventSourceOptions): EventSource {
  const { urlOf, log, queuedEvents, onDrop } = options;
  const clients = new Map<string, Client>();
  const clientOf = (subgraph: string): Client => {
    const existing = clients.get(subgraph);
    if (existing !== undefined) return existing;
    const client = createSubgraphClient(urlOf(subgraph), log);
    clients.set(subgraph, client);
    return client;
  };
  return {
    open({ subgraph, query, operationName, variables, identityToken }) {
      const queue = createEventQueue<FormattedExecutionResult>({
        capacity: queuedEvents,
        onDrop,
        // The client never calls its sink before `subscribe` has returned.
        onClose: () => unsubscribe(),
      });
      const unsubscribe = clientOf(subgraph).subscribe(
        { query, operationName, variables: { ...variables }, extensions: { identity: identityToken } },
        {
          next: (event) => queue.push(event as FormattedExecutionResult),
          error: (failure) => {
            queue.push({ errors: errorsOf(failure, subgraph, log) });
            queue.end();
          },
          complete: () => queue.end(),
        },
      );
      return queue;
    },
    async stop() {
      for (const client of clients.values()) await client.dispose();
    },
  };
}
