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

/** @throws Error when the types do not fit together or a resolver names a field that the schema lacks. */
export function buildSchema(typeDefs: readonly DocumentNode[], resolvers: ResolverMap): GraphQLSchema {
  // Codegen has proven the generated resolver types against the same SDL; Apollo's own map type cannot express them.
  const map = { ...resolvers, ...scalarResolvers } as ApolloResolverMap;
  return buildSubgraphSchema({ typeDefs: concatAST(typeDefs), resolvers: map });
}
