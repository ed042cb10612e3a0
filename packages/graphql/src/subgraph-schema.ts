import { buildSubgraphSchema } from '@apollo/subgraph';
import { concatAST, type DocumentNode, type GraphQLSchema } from 'graphql';
import { scalarResolvers } from './scalars.ts';

/** The generated `Resolvers` type of a subgraph is one of these: type name to the resolvers of its fields. */
export type ResolverMap = Readonly<Record<string, unknown>>;

type ApolloResolverMap = NonNullable<
  Parameters<typeof buildSubgraphSchema>[0] extends infer Input
    ? Extract<Input, { typeDefs: unknown }> extends { resolvers?: infer Map }
      ? Map
      : never
    : never
>;

type ReferenceResolver = (...args: unknown[]) => unknown;

function isReferenceResolver(value: unknown): value is ReferenceResolver {
  return typeof value === 'function';
}

/**
 * Apollo resolves all entities of a fetch in one loop, so that one resolver which throws (and does not reject) would
 * lose them all. Made asynchronous, each loses itself only.
 */
function withEntityErrors(resolvers: ResolverMap): ResolverMap {
  const entries = Object.entries(resolvers).map(([typeName, fields]): [string, unknown] => {
    if (typeof fields !== 'object' || fields === null || !('__resolveReference' in fields))
      return [typeName, fields];
    const resolve = fields.__resolveReference;
    if (!isReferenceResolver(resolve)) return [typeName, fields];
    return [typeName, { ...fields, __resolveReference: async (...args: unknown[]) => resolve(...args) }];
  });
  return Object.fromEntries(entries);
}

/** @throws Error when the types do not fit together or a resolver names a field that the schema lacks. */
export function buildSchema(typeDefs: readonly DocumentNode[], resolvers: ResolverMap): GraphQLSchema {
  // Codegen has proven the generated resolver types against the same SDL; Apollo's own map type cannot express them.
  const map = { ...withEntityErrors(resolvers), ...scalarResolvers } as ApolloResolverMap;
  return buildSubgraphSchema({ typeDefs: concatAST(typeDefs), resolvers: map });
}
