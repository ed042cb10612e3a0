import { HeaderMap, type ApolloServer } from '@apollo/server';
import { fastifyApolloHandler } from '@as-integrations/fastify';
import { fastify, type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { GraphQLError } from 'graphql';
import { appErrorBehind, extensionsOf } from '@weir/graphql/format-error';
import { GRAPHQL_PATH } from '@weir/graphql/subgraph-server';
import type { Logger } from '@weir/service/logger';
import type { Actor, Authenticator } from '../auth/authenticator.ts';
import type { Browser, Presented } from '../auth/browser.ts';
import type { SessionCookies } from '../auth/session-cookies.ts';
import { createSessionDelivery } from '../auth/session-delivery.ts';
import type { ContextFactory, GatewayContext, Origin } from '../context.ts';
import { addFailures } from './failures.ts';
import { originOf } from './origin.ts';

export interface AppOptions {
  readonly bodyBytesMax: number;
  readonly trustedProxies: readonly string[];
  readonly log: Logger;
}

/** Above the usual idle time of load balancers, so that they are the side that closes an idle connection. */
const KEEP_ALIVE_TIMEOUT_MS = 75_000;
const REQUEST_TIMEOUT_MS = 60_000;

export function createApp({ bodyBytesMax, trustedProxies, log }: AppOptions): FastifyInstance {
  const app = fastify({
    bodyLimit: bodyBytesMax,
    trustProxy: trustedProxies.length === 0 ? false : [...trustedProxies],
    keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
    requestTimeout: REQUEST_TIMEOUT_MS,
    forceCloseConnections: 'idle',
    return503OnClosing: true,
  });
  addFailures(app, bodyBytesMax, log);
  return app;
}

/** Aborted when the client hangs up before it has its answer. */
function clientGone(reply: FastifyReply): AbortSignal {
  const gone = new AbortController();
  reply.raw.once('close', () => {
    if (!reply.raw.writableFinished) gone.abort();
  });
  return gone.signal;
}

/** A credential that is not accepted fails the whole request with its status, before anything runs. */
function refused(error: unknown, requestId: string): GraphQLError {
  const appError = appErrorBehind(error);
  const { status } = appError.spec;
  const headers = new HeaderMap(status === 401 ? [['www-authenticate', 'Bearer']] : []);
  return new GraphQLError(appError.detail, {
    originalError: appError,
    extensions: { ...extensionsOf(appError), requestId, http: { status, headers } },
  });
}

export interface GraphqlOptions {
  readonly apollo: ApolloServer<GatewayContext>;
  readonly authenticator: Authenticator;
  readonly browser: Browser;
  readonly cookies: SessionCookies;
  readonly createContext: ContextFactory;
}

/** Queries and mutations: POST, and GET for queries by hash. */
export function serveGraphql(app: FastifyInstance, options: GraphqlOptions): void {
  const { apollo, authenticator, browser, cookies, createContext } = options;

  /** A cookie whose session is over is taken away, and its request goes on as anybody's: to sign in, or to refresh. */
  async function actorOf(
    { credential, isCookie }: Presented,
    origin: Origin,
    reply: FastifyReply,
  ): Promise<Actor> {
    try {
      return await authenticator.authenticate(credential, origin);
    } catch (error) {
      if (!isCookie || appErrorBehind(error).spec.status !== 401) throw error;
      void reply.header('set-cookie', cookies.endAccess());
      return authenticator.authenticate({ kind: 'none' }, origin);
    }
  }

  const context = async (request: FastifyRequest, reply: FastifyReply): Promise<GatewayContext> => {
    const origin = originOf(request.headers, request.ip);
    void reply.header('x-request-id', origin.requestId);
    try {
      const presented = browser.ofRequest(request.headers);
      const actor = await actorOf(presented, origin, reply);
      const delivery = createSessionDelivery(cookies, presented, (values) => {
        void reply.removeHeader('set-cookie').header('set-cookie', values);
      });
      return createContext(actor, origin, clientGone(reply), delivery);
    } catch (error) {
      throw refused(error, origin.requestId);
    }
  };
  app.route({
    method: ['GET', 'POST'],
    url: GRAPHQL_PATH,
    handler: fastifyApolloHandler(apollo, { context }),
  });
}
