import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';

/** Number of leading KEYS a script always has; more may follow where its header says so. */
const FIXED_KEYS = {
  admit: 3,
  settle: 3,
  renew: 1,
  reassert: 3,
  seed: 2,
  expired: 1,
  unregister: 1,
} as const;

export type ScriptName = keyof typeof FIXED_KEYS;

export interface Script {
  readonly name: ScriptName;
  readonly fixedKeys: number;
  readonly lua: string;
  readonly sha: string;
}

/** Reads the Lua sources beside this file; each is run with the shared part before it. */
export function loadScripts(): Readonly<Record<ScriptName, Script>> {
  const source = (name: string): string =>
    readFileSync(new URL(`./lua/${name}.lua`, import.meta.url), 'utf8');
  const shared = source('lib');
  const load = (name: ScriptName): Script => {
    const lua = `${shared}\n${source(name)}`;
    const sha = createHash('sha1').update(lua).digest('hex');
    return { name, fixedKeys: FIXED_KEYS[name], lua, sha };
  };
  return {
    admit: load('admit'),
    settle: load('settle'),
    renew: load('renew'),
    reassert: load('reassert'),
    seed: load('seed'),
    expired: load('expired'),
    unregister: load('unregister'),
  };
}
