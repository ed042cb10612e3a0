import {
  getOperationAST,
  getVariableValues,
  GraphQLError,
  NoSchemaIntrospectionCustomRule,
  parse,
  specifiedRules,
  validate,
  type DocumentNode,
  type GraphQLSchema,
  type OperationDefinitionNode,
} from 'graphql';
import { systemClock } from '@weir/kernel/clock';
import { AppError } from '@weir/kernel/errors';
import { toGraphQLError, withCode } from '@weir/graphql/format-error';
import { createBoundedCache } from '../bounded-cache.ts';
import { assertWithinLimits, type OperationLimits } from '../limits/operation-limits.ts';
import { assertRegistered, hashOf, type RegisteredOperations } from '../operations/registered-operations.ts';
import type { SubscriptionPlan, SubscriptionPlanner } from './plan.ts';
import type { PlannedSubscription } from './resolve-event.ts';

export interface SubscriptionRules {
  readonly limits: OperationLimits;
  readonly tokensMax: number;
  readonly introspection: boolean;
  readonly registered: RegisteredOperations | undefined;
}

/** The payload of a `subscribe` message. */
export interface SubscriptionRequest {
  readonly query: string;
  readonly operationName: string | undefined;
  readonly variables: Readonly<Record<string, unknown>>;
}

export interface ParsedSubscription {
  readonly schema: GraphQLSchema;
  readonly document: DocumentNode;
  readonly subscription: PlannedSubscription;
}

/** What is known of an operation text, whoever sends it. */
interface Prepared {
  readonly document: DocumentNode;
  readonly operation: OperationDefinitionNode;
  readonly plan: SubscriptionPlan;
}

const CACHED_PLANS = 500;

function refuse(sentence: string): never {
  throw toGraphQLError(new AppError('BAD_USER_INPUT', sentence));
}

function parseDocument(query: string, maxTokens: number): DocumentNode {
  try {
    return parse(query, { maxTokens });
  } catch (error) {
    throw error instanceof GraphQLError ? withCode(error, 'GRAPHQL_PARSE_FAILED') : error;
  }
}

/** The planner needs a stream that is there whatever the variables say. */
function assertUnconditional(operation: OperationDefinitionNode): void {
  const isConditional = operation.selectionSet.selections.some((selection) =>
    selection.directives?.some(({ name }) => name.value === 'skip' || name.value === 'include'),
  );
  if (isConditional) refuse('@skip and @include cannot stand on the field of a subscription itself.');
}

/**
 * Turns a `subscribe` message into a plan, or refuses it before anything runs. Plans are kept per text.
 * The returned function throws GraphQLError, or an array of them for a document that is not valid.
 */
export function createSubscriptionParser(planner: SubscriptionPlanner, rules: SubscriptionRules) {
  const { apiSchema } = planner;
  const cache = createBoundedCache<Prepared>({ capacity: CACHED_PLANS, clock: systemClock });
  const validationRules = rules.introspection
    ? specifiedRules
    : [...specifiedRules, NoSchemaIntrospectionCustomRule];

  function prepare({ query, operationName }: SubscriptionRequest): Prepared | readonly GraphQLError[] {
    const document = parseDocument(query, rules.tokensMax);
    const errors = validate(apiSchema, document, validationRules);
    if (errors.length > 0) return errors.map((error) => withCode(error, 'GRAPHQL_VALIDATION_FAILED'));
    const operation = getOperationAST(document, operationName);
    if (operation === null || operation === undefined)
      return refuse('Name the operation to run with operationName.');
    if (operation.operation !== 'subscription') {
      return refuse(
        'Only subscriptions run over this socket; send queries and mutations by HTTP POST to this address.',
      );
    }
    assertUnconditional(operation);
    return { document, operation, plan: planner.plan(document, operationName) };
  }

  return (request: SubscriptionRequest): ParsedSubscription | readonly GraphQLError[] => {
    const { query, operationName, variables } = request;
    assertRegistered(rules.registered, hashOf(query));
    const key = `${operationName ?? ''}\n${query}`;
    const prepared = cache.get(key) ?? prepare(request);
    if (!('plan' in prepared)) return prepared;
    cache.set(key, prepared);
    const { document, operation, plan } = prepared;
    const { errors } = getVariableValues(apiSchema, operation.variableDefinitions ?? [], variables);
    if (errors !== undefined) return errors.map((error) => withCode(error, 'BAD_USER_INPUT'));
    assertWithinLimits(apiSchema, document, operation, variables, rules.limits);
    return { schema: apiSchema, document, subscription: { plan, query, operationName, variables } };
  };
}
