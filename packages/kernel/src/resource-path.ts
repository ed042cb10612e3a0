/**
 * Entries of a list of paths. `/v1/chat` allows itself and what lies below it, not `/v1/chatter`; an entry that ends in
 * `/` or `*` allows whatever begins as it does.
 */
interface ResourcePath {
  readonly start: string;
  /** Whether anything may follow at once, and not only a `/`. */
  readonly isPrefix: boolean;
}

/** A path that starts with `/`; `*` may stand at its end only. */
export function isResourcePath(entry: string): boolean {
  return /^\/[^*]*\*?$/.test(entry);
}

export function allowsPath(entry: string, path: string): boolean {
  const { start, isPrefix } = parse(entry);
  if (!path.startsWith(start)) return false;
  return isPrefix || path.length === start.length || path[start.length] === '/';
}

/** Whether every path that `inner` allows is one that `outer` allows. */
export function resourceContains(outer: string, inner: string): boolean {
  const [wide, narrow] = [parse(outer), parse(inner)];
  if (wide.isPrefix) return narrow.start.startsWith(wide.start);
  // What follows a prefix at once is not below `/v1/chat`, unless the prefix itself is.
  return (narrow.start === wide.start && !narrow.isPrefix) || narrow.start.startsWith(`${wide.start}/`);
}

function parse(entry: string): ResourcePath {
  if (entry.endsWith('*')) return { start: entry.slice(0, -1), isPrefix: true };
  return { start: entry, isPrefix: entry.endsWith('/') };
}
