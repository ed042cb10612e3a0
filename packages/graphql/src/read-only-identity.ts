import type { OperationDefinitionNode } from 'graphql';
import type { InternalIdentity } from '@weir/contracts/internal-identity';
import { AppError } from '@weir/kernel/errors';
import { toGraphQLError } from './format-error.ts';

/** The one change that somebody who only looks may make: to stop looking. */
const ALLOWED = 'impersonationStop';

/** Whether the identity may only read, in every subgraph. */
function isReadOnly({ actor }: Pick<InternalIdentity, 'actor'>): boolean {
  return actor.type === 'user' && actor.impersonationId !== undefined;
}

/**
 * Refuses mutations to somebody who looks into an organization without belonging to it, whatever they change.
 * @throws GraphQLError FORBIDDEN.
 */
export function assertMayRun(
  definition: OperationDefinitionNode | undefined,
  identity: Pick<InternalIdentity, 'actor'>,
): void {
  if (definition?.operation !== 'mutation' || !isReadOnly(identity)) return;
  const onlyStops = definition.selectionSet.selections.every(
    (selection) => selection.kind === 'Field' && [ALLOWED, '__typename'].includes(selection.name.value),
  );
  if (onlyStops) return;
  throw toGraphQLError(
    new AppError('FORBIDDEN', 'This session may look and change nothing. Only impersonationStop is allowed.'),
  );
}
