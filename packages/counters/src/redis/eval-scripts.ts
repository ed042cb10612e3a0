import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { RunLua } from './runner.ts';
import { sendLua } from './lua-command.ts';

interface Script {
  readonly lua: string;
  readonly sha: string;
}

/** The Lua sources of one folder as scripts, each with the folder's `lib.lua` before it. */
export function readScripts<Name extends string>(folder: URL, names: readonly Name[]): RunLua<Name> {
  const source = (name: string): string => readFileSync(new URL(`${name}.lua`, folder), 'utf8');
  const shared = source('lib');
  const entries = names.map((name): [Name, Script] => {
    const lua = `${shared}\n${source(name)}`;
    return [name, { lua, sha: createHash('sha1').update(lua).digest('hex') }];
  });
  // Object.fromEntries forgets which names it was given.
  const scripts = Object.fromEntries(entries) as Record<Name, Script>;
  return async (client, name, ...rest) => {
    const { sha, lua } = scripts[name];
    try {
      return await sendLua(client, 'evalsha', sha, ...rest);
    } catch (error) {
      // A restarted or flushed server has lost its scripts; EVAL runs and loads the script again.
      if (error instanceof Error && error.message.startsWith('NOSCRIPT')) {
        return await sendLua(client, 'eval', lua, ...rest);
      }
      throw error;
    }
  };
}
