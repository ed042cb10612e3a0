import type { AccessList, AccessListName } from './acl.ts';
import { firstBeyond } from './acl-containment.ts';
import { cidrContains, parseCidr } from './cidr.ts';
import { intersectPatterns } from './pattern-intersection.ts';
import { resourceContains } from './resource-path.ts';

/** What two entries allow in common, as entries. */
const COMMON: Readonly<Record<AccessListName, (a: string, b: string) => readonly string[]>> = {
  allowIps: (a, b) => {
    const [first, second] = [parseCidr(a), parseCidr(b)];
    if (!first || !second) return [];
    // Two networks are one within the other, or have nothing in common.
    return cidrContains(first, second) ? [b] : cidrContains(second, first) ? [a] : [];
  },
  allowModels: intersectPatterns,
  // Nor do two paths overlap without one lying within the other.
  resources: (a, b) => (resourceContains(a, b) ? [b] : resourceContains(b, a) ? [a] : []),
  allowLevels: (a, b) => (a === b ? [a] : []),
};

/**
 * What two lists allow in common: what is left to whoever is bound by both. It allows exactly the values that both
 * allow, with no entry that another one makes superfluous.
 */
export function intersectLists(name: AccessListName, a: AccessList, b: AccessList): AccessList {
  if (a === null) return b;
  if (b === null) return a;
  const common = new Set(a.flatMap((first) => b.flatMap((second) => COMMON[name](first, second))));
  return withoutSuperfluous(name, [...common]);
}

function withoutSuperfluous(name: AccessListName, entries: readonly string[]): readonly string[] {
  const kept: string[] = [];
  for (const [index, entry] of entries.entries()) {
    const others = [...kept, ...entries.slice(index + 1)];
    if (firstBeyond(name, [entry], others) !== undefined) kept.push(entry);
  }
  return kept;
}
