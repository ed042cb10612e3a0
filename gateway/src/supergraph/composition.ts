import composition from '@apollo/composition';
import { concatAST, type DocumentNode } from 'graphql';
import { err, ok, type Result } from '@weir/kernel/result';

export interface SubgraphSource {
  readonly name: string;
  /** From `loadTypeDefs`: the shared types and the subgraph's own. */
  readonly typeDefs: readonly DocumentNode[];
}

/** Stands for a subgraph's address in the committed supergraph; the gateway's configuration has the real one. */
export function placeholderUrl(name: string): string {
  return `http://${name}.invalid/graphql`;
}

/** The supergraph SDL, the same text for the same subgraphs in any order; or one sentence per problem. */
export function composeSubgraphs(sources: readonly SubgraphSource[]): Result<string, readonly string[]> {
  const { errors, supergraphSdl } = composition.composeServices(
    sources
      .toSorted((left, right) => left.name.localeCompare(right.name, 'en'))
      .map(({ name, typeDefs }) => ({ name, url: placeholderUrl(name), typeDefs: concatAST(typeDefs) })),
  );
  if (errors !== undefined || supergraphSdl === undefined)
    return err((errors ?? []).map((error) => error.message));
  return ok(`${supergraphSdl.trimEnd()}\n`);
}
