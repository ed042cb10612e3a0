import DataLoader from 'dataloader';
import type { InternalIdentity } from '@weir/contracts/internal-identity';
import type { Uuid } from '@weir/kernel/ids';

/**
 * Where a node lies for whoever acts: BELOW what they decide about, OWN for the account that an API key belongs to and
 * that account's keys, which are for those above to decide about.
 */
export type Place = 'BELOW' | 'OWN';

/** One answer for every node that lies within reach; a row of `policy.places_below`. */
export interface PlacedNode {
  readonly nodeId: Uuid;
  readonly place: Place;
}

/** What part of its organization an actor reaches. */
export interface Reach {
  /** The account that bounds it; undefined for people, who reach the whole organization. */
  readonly top: Uuid | undefined;
  /** Null for what lies outside. */
  placeOf(nodeId: Uuid): Promise<Place | null>;
  /** Those of the things whose node lies within reach. */
  within<T>(things: readonly T[], nodeOf: (thing: T) => Uuid): Promise<readonly T[]>;
}

/** The statement that places nodes: organization, account, nodes in; `node_id` and `place` out. */
export const PLACES_BELOW = `
  select node_id::text as "nodeId", place from policy.places_below($1::uuid, $2::uuid, $3::uuid[])`;

/**
 * The one rule for API keys on this plane: whatever its scopes, a key reaches its own account and what is below it. Make
 * one for each operation.
 * @param find Places the nodes of the actor's organization, seen from an account.
 */
export function createReach(
  { actor }: Pick<InternalIdentity, 'actor'>,
  find: (top: Uuid, nodes: readonly Uuid[]) => Promise<readonly PlacedNode[]>,
): Reach {
  const top = actor.type === 'apiKey' ? actor.accountId : undefined;
  const places = new DataLoader<Uuid, Place | null>(
    async (nodes) => {
      const found = top === undefined ? [] : await find(top, nodes);
      const byNode = new Map(found.map(({ nodeId, place }) => [nodeId, place]));
      return nodes.map((node) => byNode.get(node) ?? null);
    },
    { maxBatchSize: 500 },
  );
  const placeOf = (node: Uuid): Promise<Place | null> =>
    top === undefined ? Promise.resolve('BELOW') : places.load(node);
  return {
    top,
    placeOf,
    async within(things, nodeOf) {
      if (top === undefined) return things;
      const found = await Promise.all(things.map((thing) => placeOf(nodeOf(thing))));
      return things.filter((_, index) => found[index] !== null);
    },
  };
}
