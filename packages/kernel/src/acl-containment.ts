import type { AccessList, AccessListName } from './acl.ts';
import { cidrContains, halvesOf, parseCidr, type Cidr } from './cidr.ts';
import { patternContains } from './pattern.ts';
import { resourceContains } from './resource-path.ts';

/** Whether every value that one entry allows is allowed by an entry of the list. */
const COVERS: Readonly<Record<AccessListName, (list: readonly string[], entry: string) => boolean>> = {
  allowIps: (list, entry) => {
    const network = parseCidr(entry);
    const networks = list.map(parseCidr).filter((cidr) => cidr !== undefined);
    return network !== undefined && coversNetwork(networks, network);
  },
  // Names and paths are of any length, so that no list covers an entry that not one of its entries covers alone.
  allowModels: (list, entry) => list.some((outer) => patternContains(outer, entry)),
  resources: (list, entry) => list.some((outer) => resourceContains(outer, entry)),
  allowLevels: (list, entry) => list.includes(entry),
};

/**
 * The first entry that allows something which `outer` does not; undefined when everything is allowed there, too. A
 * list of null restricts nothing, so everything lies within it.
 */
export function firstBeyond(
  name: AccessListName,
  entries: readonly string[],
  outer: AccessList,
): string | undefined {
  if (outer === null) return undefined;
  return entries.find((entry) => !COVERS[name](outer, entry));
}

/** Two halves may cover together what neither covers alone: 10.0.0.0/9 and 10.128.0.0/9 are 10.0.0.0/8. */
function coversNetwork(networks: readonly Cidr[], network: Cidr): boolean {
  if (networks.some((outer) => cidrContains(outer, network))) return true;
  const inside = networks.filter((part) => cidrContains(network, part));
  if (inside.length === 0) return false;
  return halvesOf(network).every((half) => coversNetwork(inside, half));
}
