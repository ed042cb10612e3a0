import type { ApolloServerPlugin } from '@apollo/server';
import { assertMayRun } from './read-only-identity.ts';
import type { OnErrors } from './audit-refusals.ts';
import type { OperationContext } from './subgraph-context.ts';
import { logError } from './format-error.ts';
import { outcomeOf, type OperationMetrics } from './operation-metrics.ts';

/** Logs failures of ours with their cause, puts the request id on every error, and measures each operation. */
export function operationPlugin<Context extends OperationContext>(
  metrics: OperationMetrics,
  onErrors: OnErrors | undefined,
): ApolloServerPlugin<Context> {
  return {
    requestDidStart() {
      const stop = metrics.start();
      return Promise.resolve({
        didResolveOperation({ operation, contextValue }) {
          assertMayRun(operation, contextValue.identity);
          return Promise.resolve();
        },
        didEncounterErrors({ errors, contextValue }) {
          for (const error of errors) logError(error, contextValue.log);
          onErrors?.(contextValue.identity, errors);
          return Promise.resolve();
        },
        willSendResponse({ response, contextValue, operation }) {
          if (response.body.kind !== 'single') return Promise.resolve();
          const { singleResult } = response.body;
          // The gateway reads errors from the body; any other status would mean to it that the service itself fails.
          response.http.status = 200;
          const errors = singleResult.errors?.map((error) => ({
            ...error,
            extensions: { ...error.extensions, requestId: contextValue.requestId },
          }));
          if (errors !== undefined) singleResult.errors = errors;
          stop(operation?.operation ?? 'invalid', outcomeOf(singleResult.errors));
          return Promise.resolve();
        },
      });
    },
  };
}
