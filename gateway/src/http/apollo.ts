import type { ApolloGateway } from '@apollo/gateway';
import { ApolloServer } from '@apollo/server';
import {
  ApolloServerPluginLandingPageDisabled,
  ApolloServerPluginUsageReportingDisabled,
} from '@apollo/server/plugin/disabled';
import type { Logger } from '@weir/service/logger';
import type { GatewayContext } from '../context.ts';
import { publicError } from '../errors/public-error.ts';
import { registeredOperationsCache } from '../operations/registered-operations.ts';
import { operationPlugin, type OperationPluginOptions } from './operation-plugin.ts';

export interface ApolloOptions extends OperationPluginOptions {
  readonly gateway: ApolloGateway;
  readonly introspection: boolean;
  readonly tokensMax: number;
  readonly log: Logger;
}

/** Queries and mutations over HTTP. Persisted queries by hash are on; batches of operations are not taken. */
export async function startApollo(options: ApolloOptions): Promise<ApolloServer<GatewayContext>> {
  const { gateway, introspection, tokensMax, registered, log } = options;
  const apollo = new ApolloServer<GatewayContext>({
    gateway,
    introspection,
    // Suggestions in validation errors would give the schema away name by name.
    hideSchemaDetailsFromClientErrors: !introspection,
    formatError: publicError,
    includeStacktraceInErrorResponses: false,
    allowBatchedHttpRequests: false,
    csrfPrevention: true,
    stopOnTerminationSignals: false,
    persistedQueries: registered === undefined ? {} : { cache: registeredOperationsCache(registered) },
    parseOptions: { maxTokens: tokensMax },
    logger: log,
    plugins: [
      ApolloServerPluginLandingPageDisabled(),
      ApolloServerPluginUsageReportingDisabled(),
      operationPlugin(options),
    ],
  });
  await apollo.start();
  return apollo;
}
