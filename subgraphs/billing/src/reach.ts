import type { InternalIdentity } from '@weir/contracts/internal-identity';
import { createReach, PLACES_BELOW, type PlacedNode, type Reach } from '@weir/graphql/actor-reach';
import type { Uuid } from '@weir/kernel/ids';
import type { Query } from './query.ts';

/** What the actor reaches, as a transaction of the organization sees it. */
export function reachOf(query: Query, identity: InternalIdentity, organizationId: Uuid): Reach {
  return createReach(identity, (top, nodes) => query<PlacedNode>(PLACES_BELOW, [organizationId, top, nodes]));
}
