import { isPattern, patternContains } from './pattern.ts';

/**
 * What two patterns match in common, as patterns: `gpt-*` and `*-mini` have `gpt-*-mini` and `gpt-mini` in common.
 * Stars can interleave in very many ways; where the answer would be longer than `PARTS_MAX`, the longer of the two is
 * given instead, which matches too much. So this is for people to read, and never what decides.
 */
export function intersectPatterns(a: string, b: string): readonly string[] {
  if (patternContains(a, b)) return [b];
  if (patternContains(b, a)) return [a];
  if (!isPattern(a) || !isPattern(b) || !mayOverlap(a, b)) return [];
  const parts = commonParts(a, b);
  if (parts === undefined) return [a.length >= b.length ? a : b];
  return parts.filter((part) => !parts.some((other) => other !== part && patternContains(other, part)));
}

/** False where what two patterns begin or end with says already that no name fits both. */
export function mayOverlap(a: string, b: string): boolean {
  const [startA, startB] = [a.slice(0, a.indexOf('*')), b.slice(0, b.indexOf('*'))];
  if (!startA.startsWith(startB) && !startB.startsWith(startA)) return false;
  const [endA, endB] = [a.slice(a.lastIndexOf('*') + 1), b.slice(b.lastIndexOf('*') + 1)];
  return endA.endsWith(endB) || endB.endsWith(endA);
}

const PARTS_MAX = 64;

/**
 * Rest by rest, the shortest first: two literals must agree; a star is over, or takes one more character of the other
 * pattern. Undefined when any rest has too many parts.
 */
function commonParts(a: string, b: string): readonly string[] | undefined {
  let below: (readonly string[])[] = [];
  for (let at = a.length; at >= 0; at--) {
    const row: (readonly string[])[] = [];
    for (let bt = b.length; bt >= 0; bt--) {
      const parts = partsAt({ a, b, at, bt, row, below });
      if (parts.length > PARTS_MAX) return undefined;
      row[bt] = parts;
    }
    below = row;
  }
  return below[0] ?? [];
}

interface Cell {
  readonly a: string;
  readonly b: string;
  readonly at: number;
  readonly bt: number;
  /** Of the same place in `a`, and places further right in `b`. */
  readonly row: readonly (readonly string[])[];
  /** Of the next place in `a`. */
  readonly below: readonly (readonly string[])[];
}

function partsAt({ a, b, at, bt, row, below }: Cell): readonly string[] {
  const [first, second] = [a[at], b[bt]];
  if (first === undefined && second === undefined) return [''];
  const [aOver, bOver] = [below[bt] ?? [], row[bt + 1] ?? []];
  if (first === '*' && second === '*') return starred([...aOver, ...bOver]);
  if (first === '*') return distinct([...aOver, ...prefixed(second, bOver)]);
  if (second === '*') return distinct([...bOver, ...prefixed(first, aOver)]);
  return first === second ? prefixed(first, below[bt + 1] ?? []) : [];
}

function prefixed(character: string | undefined, parts: readonly string[]): readonly string[] {
  return character === undefined ? [] : parts.map((part) => character + part);
}

function starred(parts: readonly string[]): readonly string[] {
  return distinct(parts.map((part) => (part.startsWith('*') ? part : `*${part}`)));
}

function distinct(parts: readonly string[]): readonly string[] {
  return [...new Set(parts)];
}
