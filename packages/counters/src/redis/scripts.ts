import { readScripts, type Script } from './script-source.ts';

export type ScriptName =
  'admit' | 'settle' | 'conclude' | 'renew' | 'reassert' | 'seed' | 'expired' | 'unregister';

/** The scripts of the counter store; each is run with the shared part before it. */
export function loadScripts(): Readonly<Record<ScriptName, Script>> {
  return readScripts(new URL('./lua/', import.meta.url), [
    'admit',
    'settle',
    'conclude',
    'renew',
    'reassert',
    'seed',
    'expired',
    'unregister',
  ]);
}
