import { GraphQLError, type DocumentNode, type GraphQLSchema, type OperationDefinitionNode } from 'graphql';
import { measureOperation, type OperationSize } from './operation-size.ts';

/** The largest operation that is run. */
export interface OperationLimits {
  readonly depth: number;
  readonly aliases: number;
  readonly rootFields: number;
  readonly cost: number;
}

const ADVICE: Readonly<Record<keyof OperationSize, string>> = {
  depth: 'Select fewer nested fields.',
  aliases: 'Send separate operations instead of aliases.',
  rootFields: 'Send separate operations.',
  cost: 'Ask for shorter pages (`first`) or fewer nested lists.',
};

/** The first limit that the operation exceeds, as an error with both numbers; undefined when it may run. */
export function exceededLimit(size: OperationSize, limits: OperationLimits): GraphQLError | undefined {
  for (const limit of ['depth', 'aliases', 'rootFields', 'cost'] as const) {
    const actual = size[limit];
    const allowed = limits[limit];
    if (actual <= allowed) continue;
    return new GraphQLError(
      `The operation's ${limit} is ${actual}; at most ${allowed} is allowed. ${ADVICE[limit]}`,
      {
        extensions: {
          code: 'GRAPHQL_VALIDATION_FAILED',
          details: { limit, actual, allowed },
          http: { status: 400 },
        },
      },
    );
  }
  return undefined;
}

/** @throws GraphQLError GRAPHQL_VALIDATION_FAILED with the limit and both numbers. */
export function assertWithinLimits(
  schema: GraphQLSchema,
  document: DocumentNode,
  operation: OperationDefinitionNode,
  variables: Readonly<Record<string, unknown>>,
  limits: OperationLimits,
): void {
  const error = exceededLimit(measureOperation(schema, document, operation, variables), limits);
  if (error !== undefined) throw error;
}
