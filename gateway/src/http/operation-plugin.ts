import type { ApolloServerPlugin } from '@apollo/server';
import { GraphQLError } from 'graphql';
import { AppError } from '@weir/kernel/errors';
import { toGraphQLError } from '@weir/graphql/format-error';
import { outcomeOf, type OperationMetrics } from '@weir/graphql/operation-metrics';
import type { GatewayContext } from '../context.ts';
import { withCompletionErrors } from '../errors/completion-errors.ts';
import { logMasked, withRequestId } from '../errors/public-error.ts';
import { assertOneCredential } from '../limits/credential-fields.ts';
import { assertWithinLimits, type OperationLimits } from '../limits/operation-limits.ts';
import { assertRegistered, type RegisteredOperations } from '../operations/registered-operations.ts';

export interface OperationPluginOptions {
  readonly limits: OperationLimits;
  readonly registered: RegisteredOperations | undefined;
  readonly metrics: OperationMetrics;
}

const NOT_OVER_HTTP = 'Subscriptions run over a WebSocket (graphql-transport-ws) at this same address.';

function unknownOperation(name: string | undefined): GraphQLError {
  const sentence =
    name === undefined
      ? 'Name the operation to run: the document has several.'
      : `The document has no operation named ${name}.`;
  return new GraphQLError(sentence, {
    extensions: { code: 'OPERATION_RESOLUTION_FAILURE', http: { status: 400 } },
  });
}

/** Decides whether an operation may run, and finishes its answer: request id on every error, measured and logged. */
export function operationPlugin({
  limits,
  registered,
  metrics,
}: OperationPluginOptions): ApolloServerPlugin<GatewayContext> {
  return {
    async requestDidStart() {
      const stop = metrics.start();
      return {
        async didResolveOperation({ schema, document, operation, request, queryHash }) {
          if (operation === undefined) throw unknownOperation(request.operationName);
          try {
            assertRegistered(registered, queryHash);
            if (operation.operation === 'subscription') throw new AppError('BAD_USER_INPUT', NOT_OVER_HTTP);
          } catch (error) {
            if (error instanceof AppError) throw toGraphQLError(error, error.spec.status);
            throw error;
          }
          assertWithinLimits(schema, document, operation, request.variables ?? {}, limits);
          assertOneCredential(schema, document, operation);
        },
        async didEncounterErrors({ errors, contextValue }) {
          for (const error of errors) logMasked(error, contextValue.log);
        },
        async willSendResponse({ response, contextValue, operation }) {
          if (response.body.kind !== 'single') return;
          const { singleResult } = response.body;
          const { errors, extensions } = withCompletionErrors(singleResult);
          if (errors.length > 0)
            singleResult.errors = errors.map((error) => withRequestId(error, contextValue.requestId));
          if (extensions === undefined) delete singleResult.extensions;
          else singleResult.extensions = extensions;
          stop(operation?.operation ?? 'invalid', outcomeOf(errors));
        },
      };
    },
  };
}
