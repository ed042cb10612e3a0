import type { Deployments } from '@weir/counters/deployments/contract';
import { AppError } from '@weir/kernel/errors';
import type { ReadQuestion, ReadRoute } from '../http/read-routes.ts';
import { decisionsShown } from './decisions-shown.ts';
import { keysShown } from './keys-shown.ts';
import type { RefusedKeys } from './refused-keys.ts';
import type { RoutingDecisions } from './routing-decisions.ts';

export interface RoutingRoutesDeps {
  readonly deployments: Deployments;
  readonly refusedKeys: RefusedKeys;
  readonly decisions: RoutingDecisions;
}

/**
 * What administrators may ask of the routing of their organization, answered from what this proxy knows. Provider keys
 * are the owner's, and decisions tell of every account: neither is for keys of accounts below the root.
 */
export function createRoutingRoutes(deps: RoutingRoutesDeps): readonly ReadRoute[] {
  const route = (path: string, list: (question: ReadQuestion) => readonly object[]): ReadRoute => ({
    path,
    aliases: [],
    scope: 'admin',
    takesRest: 'never',
    answer(question) {
      requireRoot(question);
      return { object: 'list', data: list(question) };
    },
  });
  return [
    route('/v1/routing/keys', ({ policy }) => keysShown(policy, deps.deployments, deps.refusedKeys)),
    route('/v1/routing/decisions', ({ policy }) =>
      decisionsShown(deps.decisions.of(policy.snapshot.organization.id)),
    ),
  ];
}

function requireRoot({ policy }: ReadQuestion): void {
  if (policy.snapshot.accounts.length === 1) return;
  throw new AppError(
    'FORBIDDEN',
    'Only API keys of the root account may see the routing of the organization.',
  );
}
