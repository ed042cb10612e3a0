import gatewayModule, { type GraphQLDataSource, type GraphQLDataSourceProcessOptions } from '@apollo/gateway';
import { AppError } from '@weir/kernel/errors';
import { extensionsOf } from '@weir/graphql/format-error';
import {
  IDENTITY_HEADER,
  REFRESH_TOKEN_HEADER,
  SESSION_DELIVERY_HEADER,
  SESSION_TOKENS_HEADER,
} from '@weir/contracts/internal-identity';
import type { GatewayContext } from '../context.ts';
import type { SubgraphFetch } from './subgraph-fetch.ts';

const { RemoteGraphQLDataSource } = gatewayModule;

export interface DataSourceOptions {
  readonly name: string;
  readonly url: string;
  readonly fetcher: SubgraphFetch;
}

/** Health checks of Apollo's own run without an operation; everything of a client's has a context. */
function isGatewayContext(context: object): context is GatewayContext {
  return 'identityToken' in context;
}

function unavailable(name: string, cause: unknown): AppError {
  return new AppError(
    'DEPENDENCY_UNAVAILABLE',
    'A part of the platform that this needs does not answer. Try again shortly.',
    {
      message: `subgraph ${name} failed`,
      cause,
      retryAfterSeconds: 1,
    },
  );
}

/** The one subgraph that gives tokens. */
const GIVES_TOKENS = 'identity';

/** The client's hanging up ends what only the client wanted; a mutation that has begun is finished. */
function abandonedBy(options: GraphQLDataSourceProcessOptions): AbortSignal | undefined {
  if (!isGatewayContext(options.context) || !('incomingRequestContext' in options)) return undefined;
  return options.incomingRequestContext.operation?.operation === 'mutation'
    ? undefined
    : options.context.signal;
}

/**
 * Fetches from one subgraph. Of the client's request only who it is, the request id and the trace go along; no header
 * does. A subgraph that fails costs the fields it owns and nothing else.
 */
export function createDataSource({ name, url, fetcher }: DataSourceOptions): GraphQLDataSource {
  const remote = new RemoteGraphQLDataSource({
    url,
    fetcher,
    honorSubgraphCacheControlHeader: false,
    async willSendRequest({ request, context }) {
      if (!isGatewayContext(context)) return;
      request.http?.headers.set(IDENTITY_HEADER, await context.identityToken());
      request.http?.headers.set('x-request-id', context.requestId);
      request.http?.headers.set('traceparent', context.traceparent);
      if (name !== GIVES_TOKENS || !context.session.wantsCookies) return;
      request.http?.headers.set(SESSION_DELIVERY_HEADER, 'cookie');
      const { refreshToken } = context.session;
      if (refreshToken !== undefined) request.http?.headers.set(REFRESH_TOKEN_HEADER, refreshToken);
    },
    didReceiveResponse({ response, context }) {
      const handedOver = response.http?.headers.get(SESSION_TOKENS_HEADER);
      if (name === GIVES_TOKENS && isGatewayContext(context) && handedOver)
        context.session.deliver(handedOver);
      return response;
    },
    async errorFromResponse(response) {
      throw new Error(`it answered ${response.status}`);
    },
  });
  return {
    async process(options) {
      const abandoned = abandonedBy(options);
      try {
        if (abandoned === undefined) return await remote.process(options);
        return await fetcher.within(abandoned, () => remote.process(options));
      } catch (cause) {
        const error = unavailable(name, cause);
        if (abandoned?.aborted !== true && isGatewayContext(options.context)) {
          options.context.log.error({ err: error, subgraph: name }, 'subgraph failed');
        }
        // As an answer and not as an exception, so that the executor adds the place in the response.
        return { errors: [{ message: error.detail, path: [], extensions: extensionsOf(error) }] };
      }
    },
  };
}
