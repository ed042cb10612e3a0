/**
 * Keyset cursors of lists: opaque to clients, so that their content may change. One holds the version of this format,
 * the list it belongs to and the sort keys of one row; base64url of JSON.
 */
const VERSION = 1;
const LENGTH_MAX = 1024;

/** @param list Names the list and its order, for example `apiKeys.createdAt`; a cursor of another list is refused. */
export function encodeCursor(list: string, keys: readonly string[]): string {
  const json = JSON.stringify([VERSION, list, ...keys]);
  const ascii = json.replace(/[^\x20-\x7e]/g, escapeCharacter);
  return btoa(ascii).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}

/** The sort keys, or undefined unless it is a cursor of that list with that many keys. Each key is still to be parsed. */
export function decodeCursor(list: string, keyCount: number, cursor: string): readonly string[] | undefined {
  if (cursor.length > LENGTH_MAX || !/^[\w-]+$/.test(cursor)) return undefined;
  const content = parse(cursor);
  if (!Array.isArray(content) || content.length !== keyCount + 2) return undefined;
  const [version, name, ...keys] = content as unknown[];
  if (version !== VERSION || name !== list) return undefined;
  return keys.every((key) => typeof key === 'string') ? keys : undefined;
}

function parse(cursor: string): unknown {
  try {
    return JSON.parse(atob(cursor.replaceAll('-', '+').replaceAll('_', '/')));
  } catch {
    return undefined;
  }
}

function escapeCharacter(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
