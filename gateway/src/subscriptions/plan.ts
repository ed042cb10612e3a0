import gatewayModule from '@apollo/gateway';
import federation from '@apollo/federation-internals';
import plannerModule, { type FetchNode, type QueryPlan } from '@apollo/query-planner';
import type { DocumentNode, GraphQLSchema } from 'graphql';

type OperationContext = ReturnType<typeof gatewayModule.buildOperationContext>;

/** How a subscription is served: one stream from its owner, and what to fetch for each of its events. */
export interface SubscriptionPlan {
  /** Runs at the owner for as long as the subscription lives. */
  readonly primary: FetchNode;
  /** The ordinary plan of one event: the primary's answer, then the rest from the other subgraphs. */
  readonly eventPlan: QueryPlan;
  readonly operationContext: OperationContext;
}

export interface SubscriptionPlanner {
  /** What clients see of the supergraph; subscriptions are validated against it. */
  readonly apiSchema: GraphQLSchema;
  /** For the executor. */
  readonly federation: {
    readonly supergraphSchema: GraphQLSchema;
    readonly apiSchema: ReturnType<ReturnType<typeof federation.Supergraph.build>['apiSchema']>;
  };
  /** @throws Error for an operation that is not one valid subscription. */
  plan(document: DocumentNode, operationName: string | undefined): SubscriptionPlan;
}

/** A planner beside the gateway's own, which plans subscriptions too but keeps the plan to itself. */
export function createSubscriptionPlanner(supergraphSdl: string): SubscriptionPlanner {
  const supergraph = federation.Supergraph.build(supergraphSdl);
  const planner = new plannerModule.QueryPlanner(supergraph);
  const federationApi = supergraph.apiSchema();
  const apiSchema = federationApi.toGraphQLJSSchema();
  return {
    apiSchema,
    federation: { supergraphSchema: supergraph.schema.toGraphQLJSSchema(), apiSchema: federationApi },
    plan(document, operationName) {
      const operationContext = gatewayModule.buildOperationContext({
        schema: apiSchema,
        operationDocument: document,
        ...(operationName === undefined ? {} : { operationName }),
      });
      const operation = federation.operationFromDocument(
        federationApi,
        document,
        operationName === undefined ? {} : { operationName },
      );
      const { node } = planner.buildQueryPlan(operation);
      if (node?.kind !== 'Subscription')
        throw new Error(`planned as ${node?.kind ?? 'nothing'}, not as a subscription`);
      // A fetch of kind "subscription" is refused by the executor; its answer comes from the stream in any case.
      const primary: FetchNode = { ...node.primary, operationKind: 'query' as FetchNode['operationKind'] };
      return {
        primary: node.primary,
        eventPlan: {
          kind: 'QueryPlan',
          node: node.rest ? { kind: 'Sequence', nodes: [primary, node.rest] } : primary,
        },
        operationContext,
      };
    },
  };
}
