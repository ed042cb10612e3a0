import type { AccessList, AccessListName } from './acl.ts';
import { cidrContains, halvesOf, parseCidr, type Cidr } from './cidr.ts';
import { CidrSet } from './cidr-set.ts';
import { isPattern, patternContains } from './pattern.ts';
import { resourceContains } from './resource-path.ts';

/** Says of one entry after the other whether a list has them. What it has to know of the list it finds out once. */
export type EntryTest = (entry: string) => boolean;

type TestOf = (list: readonly string[]) => EntryTest;

/** Whether every value that an entry allows is allowed by one entry of the list alone. */
const CONTAINS: Readonly<Record<AccessListName, TestOf>> = {
  allowIps(list) {
    const networks = new CidrSet(networksOf(list));
    return (entry) => {
      const network = parseCidr(entry);
      return network !== undefined && networks.contains(network);
    };
  },
  allowModels(list) {
    const names = new Set(list);
    const patterns = list.filter(isPattern);
    return (entry) => names.has(entry) || patterns.some((outer) => patternContains(outer, entry));
  },
  resources: (list) => (entry) => list.some((outer) => resourceContains(outer, entry)),
  allowLevels(list) {
    const levels = new Set(list);
    return (entry) => levels.has(entry);
  },
};

export function containedBy(name: AccessListName, list: readonly string[]): EntryTest {
  return CONTAINS[name](list);
}

/** Whether every value that an entry allows is allowed by some entry of the list. */
export function coveredBy(name: AccessListName, list: readonly string[]): EntryTest {
  const isContained = containedBy(name, list);
  // Names and paths are of any length, so that no list covers an entry that not one of its entries covers alone.
  if (name !== 'allowIps') return isContained;
  const networks = networksOf(list);
  return (entry) => {
    if (isContained(entry)) return true;
    const network = parseCidr(entry);
    return network !== undefined && coversNetwork(networks, network);
  };
}

/**
 * The first entry that allows something which `outer` does not; undefined when everything is allowed there, too. A
 * list of null restricts nothing, so everything lies within it.
 */
export function firstBeyond(
  name: AccessListName,
  entries: readonly string[],
  outer: AccessList,
): string | undefined {
  if (outer === null || entries.length === 0) return undefined;
  const isCovered = coveredBy(name, outer);
  return entries.find((entry) => !isCovered(entry));
}

/** The networks among the entries, in their order. */
function networksOf(list: readonly string[]): Cidr[] {
  return list.map(parseCidr).filter((cidr) => cidr !== undefined);
}

/** Two halves may cover together what neither covers alone: 10.0.0.0/9 and 10.128.0.0/9 are 10.0.0.0/8. */
function coversNetwork(networks: readonly Cidr[], network: Cidr): boolean {
  if (networks.some((outer) => cidrContains(outer, network))) return true;
  const inside = networks.filter((part) => cidrContains(network, part));
  if (inside.length === 0) return false;
  return halvesOf(network).every((half) => coversNetwork(inside, half));
}
