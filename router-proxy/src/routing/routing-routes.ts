import type { Deployments } from '@weir/counters/deployments/contract';
import type { ReadRoute } from '../http/read-routes.ts';
import { decisionsShown } from './decisions-shown.ts';
import { keysShown } from './keys-shown.ts';
import type { RefusedKeys } from './refused-keys.ts';
import type { RoutingDecisions } from './routing-decisions.ts';

export interface RoutingRoutesDeps {
  readonly deployments: Deployments;
  readonly refusedKeys: RefusedKeys;
  readonly decisions: RoutingDecisions;
}

/** What administrators may ask of the routing of their organization, answered from what this proxy knows. */
export function createRoutingRoutes(deps: RoutingRoutesDeps): readonly ReadRoute[] {
  const own = { aliases: [], scope: 'admin', takesRest: 'never' } as const;
  return [
    {
      ...own,
      path: '/v1/routing/keys',
      answer: ({ policy }) => ({
        object: 'list',
        data: keysShown(policy, deps.deployments, deps.refusedKeys),
      }),
    },
    {
      ...own,
      path: '/v1/routing/decisions',
      answer: ({ policy }) => ({
        object: 'list',
        data: decisionsShown(deps.decisions.of(policy.snapshot.organization.id)),
      }),
    },
  ];
}
