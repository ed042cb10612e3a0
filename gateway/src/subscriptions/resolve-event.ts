import gatewayModule, { type GraphQLDataSource } from '@apollo/gateway';
import type { FormattedExecutionResult } from 'graphql';
import type { GatewayContext } from '../context.ts';
import type { SubscriptionPlan, SubscriptionPlanner } from './plan.ts';

/** A subscription of one client, as far as its events need it. */
export interface PlannedSubscription {
  readonly plan: SubscriptionPlan;
  readonly query: string;
  readonly operationName: string | undefined;
  readonly variables: Readonly<Record<string, unknown>>;
}

type ExecutionResult = Awaited<ReturnType<typeof gatewayModule.executeQueryPlan>>;
type RequestContext = Parameters<typeof gatewayModule.executeQueryPlan>[2];

/**
 * Completes one event: runs the ordinary plan of a query, but answers the owner's fetch with the event instead of
 * asking the owner. Merging, entity representations, error paths and null propagation are Apollo's own.
 */
export function createEventResolver(
  planner: SubscriptionPlanner,
  dataSources: Readonly<Record<string, GraphQLDataSource>>,
): (
  subscription: PlannedSubscription,
  event: FormattedExecutionResult,
  context: GatewayContext,
) => Promise<ExecutionResult> {
  const { supergraphSchema, apiSchema } = planner.federation;
  return (subscription, event, context) => {
    const { primary, eventPlan, operationContext } = subscription.plan;
    const owner = dataSources[primary.serviceName];
    const replayed: GraphQLDataSource = {
      process: async (options) => {
        if (options.request.query === primary.operation) return event;
        if (owner === undefined) throw new Error(`no data source for ${primary.serviceName}`);
        return owner.process(options);
      },
    };
    const requestContext = {
      request: {
        query: subscription.query,
        operationName: subscription.operationName,
        variables: subscription.variables,
      },
      context,
      logger: context.log,
      // The executor writes into it without looking whether it is there.
      metrics: {},
    } as unknown as RequestContext;
    return gatewayModule.executeQueryPlan(
      eventPlan,
      { ...dataSources, [primary.serviceName]: replayed },
      requestContext,
      operationContext,
      supergraphSchema,
      apiSchema,
    );
  };
}
