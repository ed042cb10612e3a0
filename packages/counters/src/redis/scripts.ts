import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';

export type ScriptName = 'admit' | 'settle' | 'renew' | 'reassert' | 'seed' | 'expired' | 'unregister';

export interface Script {
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
    return { lua, sha };
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
