import { ApolloServer } from '@apollo/server';
import {
  ApolloServerPluginInlineTraceDisabled,
  ApolloServerPluginLandingPageDisabled,
  ApolloServerPluginUsageReportingDisabled,
} from '@apollo/server/plugin/disabled';
import { fastifyApolloHandler } from '@as-integrations/fastify';
import { fastify, type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import type { DocumentNode, GraphQLSchema } from 'graphql';
import type { Registry } from 'prom-client';
import { IDENTITY_HEADER } from '@weir/contracts/internal-identity';
import { createAdminServer } from '@weir/service/admin-server';
import type { Check } from '@weir/service/health';
import { createLifecycle, type Lifecycle } from '@weir/service/lifecycle';
import type { Logger } from '@weir/service/logger';
import { createMetrics } from '@weir/service/metrics';
import type { Running } from '@weir/service/running';
import { appErrorBehind, formatError, toGraphQLError } from './format-error.ts';
import type { OnErrors } from './audit-refusals.ts';
import { createIdentityVerifier } from './identity-token.ts';
import { createOperationMetrics, type OperationMetrics } from './operation-metrics.ts';
import { operationPlugin } from './operation-plugin.ts';
import { buildSchema, type ResolverMap } from './subgraph-schema.ts';
import {
  createOperations,
  NO_EXCHANGE,
  type CreateContext,
  type Exchange,
  type OperationContext,
  type Operations,
} from './subgraph-context.ts';
import { createSubgraphSocket } from './subgraph-socket.ts';

export const GRAPHQL_PATH = '/graphql';
/** The gateway sends batches of entity representations, so this is larger than what a client may send to the gateway. */
const MAX_BODY_BYTES = 4 * 1024 * 1024;
/** Above the idle time of the gateway's keep-alive connections, so that the gateway is always the side that closes. */
const KEEP_ALIVE_TIMEOUT_MS = 75_000;
const STOP_GRACE_MS = 10_000;

export interface SubgraphOptions<Context extends OperationContext> {
  /** For logs and metrics, for example `identity`. */
  readonly name: string;
  readonly version: string;
  readonly host: string;
  /** 0 chooses a free one. */
  readonly port: number;
  readonly adminHost: string;
  readonly adminPort: number;
  /** From `loadTypeDefs`. */
  readonly typeDefs: readonly DocumentNode[];
  /** The generated `Resolvers`; the scalars are added. */
  readonly resolvers: ResolverMap;
  readonly createContext: CreateContext<Context>;
  readonly internalSecret: string;
  readonly log: Logger;
  /** Each dependency, by name. */
  readonly checks?: readonly Check[];
  /** One of its own by default, without the metrics of the process. */
  readonly registry?: Registry;
  /** Off by default: clients talk to the gateway, which knows the schema from the supergraph. */
  readonly introspection?: boolean;
  /** Told of the errors of each operation, for example to keep what was refused. */
  readonly onErrors?: OnErrors;
  /** Routes besides GraphQL, for other services only. */
  readonly routes?: (app: FastifyInstance) => void;
}

async function startApollo<Context extends OperationContext>(
  schema: GraphQLSchema,
  metrics: OperationMetrics,
  options: SubgraphOptions<Context>,
): Promise<ApolloServer<Context>> {
  const apollo = new ApolloServer<Context>({
    schema,
    introspection: options.introspection ?? false,
    formatError,
    includeStacktraceInErrorResponses: false,
    allowBatchedHttpRequests: false,
    stopOnTerminationSignals: false,
    persistedQueries: false,
    logger: options.log,
    plugins: [
      ApolloServerPluginLandingPageDisabled(),
      ApolloServerPluginInlineTraceDisabled(),
      ApolloServerPluginUsageReportingDisabled(),
      operationPlugin<Context>(metrics, options.onErrors),
    ],
  });
  await apollo.start();
  return apollo;
}

/** Aborted when the caller hangs up before it has its answer. */
function callerGone(reply: FastifyReply): AbortSignal {
  const gone = new AbortController();
  reply.raw.once('close', () => {
    if (!reply.raw.writableFinished) gone.abort();
  });
  return gone.signal;
}

function exchangeOf(request: FastifyRequest, reply: FastifyReply): Exchange {
  return {
    header(name) {
      const value = request.headers[name];
      return typeof value === 'string' ? value : undefined;
    },
    setHeader: (name, value) => void reply.header(name, value),
  };
}

function serveGraphql<Context extends OperationContext>(
  app: FastifyInstance,
  apollo: ApolloServer<Context>,
  operations: Operations<Context>,
): void {
  app.route({
    method: 'POST',
    url: GRAPHQL_PATH,
    handler: fastifyApolloHandler(apollo, {
      async context(request, reply) {
        try {
          const token = request.headers[IDENTITY_HEADER];
          return (await operations.identify(token, callerGone(reply), exchangeOf(request, reply)))();
        } catch (error) {
          throw toGraphQLError(appErrorBehind(error), 401);
        }
      },
    }),
  });
}

function createHttpServer(): FastifyInstance {
  return fastify({
    bodyLimit: MAX_BODY_BYTES,
    keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
    forceCloseConnections: 'idle',
    return503OnClosing: true,
  });
}

/**
 * Serves a subgraph: GraphQL over HTTP and graphql-ws on `/graphql`, health and metrics on the admin port.
 * Every operation needs the gateway's identity token. Rejects when a port is taken or the schema is not valid.
 */
export async function startSubgraph<Context extends OperationContext>(
  options: SubgraphOptions<Context>,
): Promise<Running> {
  const lifecycle = createLifecycle({ log: options.log, graceMs: STOP_GRACE_MS });
  try {
    const ports = await startParts(options, lifecycle);
    return {
      ports,
      async stop() {
        await lifecycle.stop();
      },
    };
  } catch (error) {
    await lifecycle.stop();
    throw error;
  }
}

async function startParts<Context extends OperationContext>(
  options: SubgraphOptions<Context>,
  lifecycle: Lifecycle,
): Promise<Running['ports']> {
  const { log, name, host } = options;
  const registry = options.registry ?? createMetrics({ service: name, processMetrics: false });
  const metrics = createOperationMetrics(registry);
  const schema = buildSchema(options.typeDefs, options.resolvers);
  const operations = createOperations(
    createIdentityVerifier(options.internalSecret),
    options.createContext,
    log,
  );

  const apollo = await startApollo(schema, metrics, options);
  lifecycle.add({ name: 'apollo', stop: () => apollo.stop() });
  const admin = await createAdminServer({
    host: options.adminHost,
    port: options.adminPort,
    service: name,
    version: options.version,
    checks: options.checks ?? [],
    registry,
    log,
  });
  lifecycle.add({ name: 'admin', stop: () => admin.stop() });
  const app = createHttpServer();
  serveGraphql(app, apollo, operations);
  options.routes?.(app);
  lifecycle.add({ name: 'http', stop: (signal) => closeHttp(app, signal) });
  const socket = createSubgraphSocket({
    httpServer: app.server,
    path: GRAPHQL_PATH,
    schema,
    log,
    metrics,
    ...(options.onErrors && { onErrors: options.onErrors }),
    identify: (token, signal) => operations.identify(token, signal, NO_EXCHANGE),
  });
  lifecycle.add({ name: 'subscriptions', stop: (signal) => socket.stop(signal) });
  lifecycle.add({ name: 'readiness', stop: () => admin.drain() });
  await app.listen({ host, port: options.port });
  return { http: portOf(app), admin: admin.port };
}

function portOf(app: FastifyInstance): number {
  const [address] = app.addresses();
  if (address === undefined || typeof address === 'string')
    throw new Error('the server does not listen on a port');
  return address.port;
}

/** Answers what is in flight, then closes; what still runs at the deadline is cut. */
async function closeHttp(app: FastifyInstance, deadline: AbortSignal): Promise<void> {
  const cut = (): void => app.server.closeAllConnections();
  deadline.addEventListener('abort', cut, { once: true });
  await app.close();
  deadline.removeEventListener('abort', cut);
}
