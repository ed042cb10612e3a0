import type { AccessList, AccessListName } from './acl.ts';
import { containedBy } from './acl-containment.ts';
import { parseCidr } from './cidr.ts';
import { CidrSet } from './cidr-set.ts';
import { isPattern, patternContains } from './pattern.ts';
import { intersectPatterns, mayOverlap } from './pattern-intersection.ts';
import { resourceContains } from './resource-path.ts';

/**
 * What two lists allow in common: what is left to whoever is bound by both. It allows exactly the values that both
 * allow, with no entry that another one makes superfluous.
 *
 * Of models this holds up to `PATTERNS_MAX` and `CELLS_MAX`: where patterns overlap in more ways, those of `b` are given
 * as they are, which match too much. So it is for people to read, and never what decides.
 */
export function intersectLists(name: AccessListName, a: AccessList, b: AccessList): AccessList {
  if (a === null) return b;
  if (b === null) return a;
  const [isInA, isInB] = [containedBy(name, a), containedBy(name, b)];
  // Two networks are one within the other, or have nothing in common, and so are two paths. Only patterns cross.
  const within = [...a.filter(isInB), ...b.filter(isInA)];
  if (name !== 'allowModels') return withoutSuperfluous(name, within);
  const crossing = crossingPatterns(
    a.filter((entry) => isPattern(entry) && !isInB(entry)),
    b.filter((entry) => isPattern(entry) && !isInA(entry)),
  );
  return withoutSuperfluous(name, [...within, ...crossing]);
}

/** As many as a list may hold. */
const PATTERNS_MAX = 1_000;
/** What patterns are compared by, place by place: for so many a process is busy for some hundredths of a second. */
const CELLS_MAX = 100_000;

function crossingPatterns(a: readonly string[], b: readonly string[]): readonly string[] {
  const common = new Set<string>();
  let cells = 0;
  for (const first of a) {
    for (const second of b) {
      if (!mayOverlap(first, second)) continue;
      cells += first.length * second.length;
      if (cells > CELLS_MAX || common.size > PATTERNS_MAX) {
        return b.filter((entry) => a.some((other) => mayOverlap(other, entry)));
      }
      for (const part of intersectPatterns(first, second)) common.add(part);
    }
  }
  return [...common];
}

/** Of entries that say the same the first one stays. */
function withoutSuperfluous(name: AccessListName, entries: readonly string[]): readonly string[] {
  const distinct = [...new Set(entries)];
  switch (name) {
    case 'allowIps':
      return withoutInnerNetworks(distinct);
    case 'allowModels':
      return withoutInner(distinct, distinct.filter(isPattern), patternContains);
    case 'resources':
      return withoutInner(distinct, distinct, resourceContains);
    case 'allowLevels':
      return distinct;
  }
}

/** @param outers Those of the entries that may contain another one. */
function withoutInner(
  entries: readonly string[],
  outers: readonly string[],
  contains: (outer: string, inner: string) => boolean,
): readonly string[] {
  const places = new Map(entries.map((entry, place) => [entry, place]));
  const placeOf = (entry: string): number => places.get(entry) ?? 0;
  return entries.filter(
    (entry) =>
      !outers.some(
        (outer) =>
          outer !== entry &&
          contains(outer, entry) &&
          (placeOf(outer) < placeOf(entry) || !contains(entry, outer)),
      ),
  );
}

function withoutInnerNetworks(entries: readonly string[]): readonly string[] {
  const networks = entries.flatMap((entry) => {
    const cidr = parseCidr(entry);
    return cidr ? [{ entry, cidr }] : [];
  });
  const all = new CidrSet(networks.map(({ cidr }) => cidr));
  const kept = new Map<string, string>();
  for (const { entry, cidr } of networks) {
    const name = `${cidr.version} ${cidr.network} ${cidr.prefixLength}`;
    if (!kept.has(name) && !all.containsBeyondItself(cidr)) kept.set(name, entry);
  }
  return [...kept.values()];
}
