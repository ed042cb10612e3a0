import type { OperationContext } from '@weir/graphql/subgraph-context';
import type { Loaders } from './loaders.ts';

export interface Context extends OperationContext {
  readonly loaders: Loaders;
}
