/**
 * Names with wildcards: `*` stands for any run of characters, also none; everything else for itself, case included.
 * Matching is linear in the name, whatever the pattern.
 */
interface Pattern {
  readonly isExact: boolean;
  /** Characters that are not `*`. */
  readonly literalLength: number;
  readonly prefix: string;
  readonly suffix: string;
  /** Literal parts between two stars, in order. */
  readonly inner: readonly string[];
}

const COMPILED_MAX = 4096;
const compiled = new Map<string, Pattern>();

/** Whether it stands for more than itself. */
export function isPattern(text: string): boolean {
  return text.includes('*');
}

export function matchesPattern(pattern: string, name: string): boolean {
  return matches(compile(pattern), name);
}

/**
 * Whether every name that `inner` matches is matched by `outer`. A star of `inner` may stand for a character that
 * occurs in no pattern, and only a star matches that; the `*` itself is such a character, as no pattern has a literal one.
 */
export function patternContains(outer: string, inner: string): boolean {
  return matchesPattern(outer, inner);
}

/** The entry that says most about the name: exact beats pattern, then the longer literal part, then the earlier entry. */
export function bestMatch<T>(
  entries: readonly T[],
  patternOf: (entry: T) => string,
  name: string,
): T | undefined {
  let best: T | undefined;
  let bestLength = -1;
  for (const entry of entries) {
    const pattern = compile(patternOf(entry));
    if (!matches(pattern, name)) continue;
    if (pattern.isExact) return entry;
    if (pattern.literalLength > bestLength) {
      best = entry;
      bestLength = pattern.literalLength;
    }
  }
  return best;
}

function compile(text: string): Pattern {
  const known = compiled.get(text);
  if (known) return known;
  const parts = text.split('*');
  const pattern: Pattern = {
    isExact: parts.length === 1,
    literalLength: text.length - (parts.length - 1),
    prefix: parts[0] ?? '',
    suffix: parts.at(-1) ?? '',
    inner: parts.slice(1, -1).filter((part) => part !== ''),
  };
  // Patterns come from policies that change; emptying a full cache bounds it without bookkeeping on every hit.
  if (compiled.size >= COMPILED_MAX) compiled.clear();
  compiled.set(text, pattern);
  return pattern;
}

function matches(pattern: Pattern, name: string): boolean {
  if (pattern.isExact) return name === pattern.prefix;
  const end = name.length - pattern.suffix.length;
  if (end < pattern.prefix.length) return false;
  if (!name.startsWith(pattern.prefix) || !name.endsWith(pattern.suffix)) return false;
  let from = pattern.prefix.length;
  for (const part of pattern.inner) {
    // The leftmost place of each part leaves the most room for the next ones, so there is nothing to try again.
    const at = name.indexOf(part, from);
    if (at === -1 || at + part.length > end) return false;
    from = at + part.length;
  }
  return true;
}
