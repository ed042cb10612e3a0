import type { Server as HttpServer } from 'node:http';
import {
  createSourceEventStream,
  execute,
  GraphQLError,
  getOperationAST,
  parse,
  validate,
  type DocumentNode,
  type ExecutionArgs,
  type ExecutionResult,
  type GraphQLSchema,
} from 'graphql';
import type { SubscribePayload } from 'graphql-ws';
import { AppError } from '@weir/kernel/errors';
import type { Logger } from '@weir/service/logger';
import { appErrorBehind, publicErrors, publicResult, toGraphQLError, withCode } from './format-error.ts';
import { mapEvents } from './map-events.ts';
import type { OnErrors } from './audit-refusals.ts';
import type { OperationMetrics } from './operation-metrics.ts';
import { createRunningSubscriptions } from './running-subscriptions.ts';
import { attachSocketServer, type SocketProtocol, type SocketServer } from './socket-server.ts';
import type { OperationContext } from './subgraph-context.ts';

export interface SubgraphSocketOptions {
  readonly httpServer: HttpServer;
  readonly path: string;
  readonly schema: GraphQLSchema;
  readonly log: Logger;
  readonly metrics: OperationMetrics;
  /** Told when a subscription is refused. */
  readonly onErrors?: OnErrors;
  /** The maker of contexts for the actor of one operation. @throws AppError UNAUTHENTICATED */
  identify(token: unknown, signal: AbortSignal): Promise<() => OperationContext>;
}

/** Sockets of gateways, which share one each, so few are needed and each carries many subscriptions. */
const MAX_SOCKETS = 256;
const MAX_SUBSCRIPTIONS_PER_SOCKET = 20_000;
const MAX_MESSAGE_BYTES = 256 * 1024;
const KEEP_ALIVE_MS = 15_000;

/** The last event of a subscription that outlives the service: a client must not take it for a regular end. */
const STOPPING = new AppError('SHUTTING_DOWN', 'The service is stopping. Subscribe again.', {
  retryAfterSeconds: 1,
});

interface Operation {
  readonly createContext: () => OperationContext;
  readonly left: AbortController;
}

function parseDocument(query: string): DocumentNode | GraphQLError {
  try {
    return parse(query);
  } catch (error) {
    if (error instanceof GraphQLError) return error;
    throw error;
  }
}

/** The document, or what is wrong with it. */
function parseSubscription(
  schema: GraphQLSchema,
  payload: SubscribePayload,
): DocumentNode | readonly GraphQLError[] {
  const document = parseDocument(payload.query);
  if (document instanceof GraphQLError) return [withCode(document, 'GRAPHQL_PARSE_FAILED')];
  const errors = validate(schema, document);
  if (errors.length > 0) return errors.map((error) => withCode(error, 'GRAPHQL_VALIDATION_FAILED'));
  if (getOperationAST(document, payload.operationName)?.operation === 'subscription') return document;
  return [
    toGraphQLError(new AppError('BAD_USER_INPUT', 'Only subscriptions run here; send the rest over HTTP.')),
  ];
}

/** Loaders cache, so every event gets a context of its own: an event must not be answered with rows of an earlier one. */
async function openStream(
  args: ExecutionArgs,
  createContext: () => OperationContext,
): Promise<AsyncIterable<ExecutionResult> | ExecutionResult> {
  const source = await createSourceEventStream({ ...args, contextValue: createContext() });
  if (!(Symbol.asyncIterator in source)) {
    // Without a path the error is about the variables, which graphql-js leaves without a code.
    return {
      ...source,
      errors: source.errors?.map((error) => (error.path ? error : withCode(error, 'BAD_USER_INPUT'))) ?? [],
    };
  }
  return mapEvents(source, (event) => execute({ ...args, rootValue: event, contextValue: createContext() }));
}

/** Subscriptions of a subgraph: graphql-ws on the path of its HTTP endpoint, each operation with an identity of its own. */
export function createSubgraphSocket(options: SubgraphSocketOptions): SocketServer {
  const { schema, log, metrics, identify, onErrors } = options;
  const running = createRunningSubscriptions<ExecutionResult>();
  const operations = new WeakMap<ExecutionArgs, Operation>();

  const protocol: SocketProtocol = {
    async onSubscribe(ctx, _id, payload) {
      try {
        if (Object.keys(ctx.subscriptions).length > MAX_SUBSCRIPTIONS_PER_SOCKET) {
          throw new AppError(
            'RATE_LIMITED',
            `One socket carries at most ${MAX_SUBSCRIPTIONS_PER_SOCKET} subscriptions.`,
          );
        }
        const left = new AbortController();
        const token = payload.extensions?.['identity'] ?? ctx.connectionParams?.['identity'];
        const createContext = await identify(token, left.signal);
        const document = parseSubscription(schema, payload);
        if (!('kind' in document)) return document;
        const args: ExecutionArgs = {
          schema,
          document,
          variableValues: payload.variables,
          operationName: payload.operationName,
        };
        operations.set(args, { createContext, left });
        return args;
      } catch (error) {
        return [toGraphQLError(appErrorBehind(error))];
      }
    },
    async subscribe(args) {
      const operation = operations.get(args);
      if (operation === undefined) throw new Error('a subscription without an identity');
      const stream = await openStream(args, operation.createContext);
      if (!(Symbol.asyncIterator in stream)) {
        onErrors?.(operation.createContext().identity, stream.errors ?? []);
        return stream;
      }
      metrics.subscriptionOpened();
      return running.run(stream, () => {
        operation.left.abort();
        metrics.subscriptionClosed();
      });
    },
    onNext(_ctx, _id, _payload, _args, result) {
      metrics.eventSent();
      return publicResult(result, log);
    },
    onError: (_ctx, _id, _payload, errors) => publicErrors(errors, log),
  };

  return attachSocketServer({
    httpServer: options.httpServer,
    path: options.path,
    protocol,
    log,
    maxSockets: MAX_SOCKETS,
    maxMessageBytes: MAX_MESSAGE_BYTES,
    keepAliveMs: KEEP_ALIVE_MS,
    completeSubscriptions: () => running.endAll({ errors: [toGraphQLError(STOPPING)] }),
  });
}
