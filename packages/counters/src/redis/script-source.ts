import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';

export interface Script {
  readonly lua: string;
  readonly sha: string;
}

/**
 * Reads Lua sources of one folder, each with the folder's `lib.lua` before it.
 * @param parts What comes between the two, for scripts that would be too long as one file.
 */
export function readScripts<Name extends string>(
  folder: URL,
  names: readonly Name[],
  parts: Readonly<Record<string, readonly string[]>> = {},
): Readonly<Record<Name, Script>> {
  const source = (name: string): string => readFileSync(new URL(`${name}.lua`, folder), 'utf8');
  const shared = source('lib');
  const entries = names.map((name) => {
    const lua = [shared, ...(parts[name] ?? []).map(source), source(name)].join('\n');
    return [name, { lua, sha: createHash('sha1').update(lua).digest('hex') }] as const;
  });
  // Object.fromEntries forgets which names it was given.
  return Object.fromEntries(entries) as Record<Name, Script>;
}
