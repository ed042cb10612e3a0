import { readScripts, type Script } from './script-source.ts';

export type ScriptName = 'turn' | 'renew' | 'reassert' | 'seed' | 'expired' | 'unregister';

/** Read in this order. */
export const TURN_PARTS = ['turn/lanes', 'turn/settlements', 'turn/admissions'] as const;

/** The scripts of the counter store; each is run with the shared part before it. */
export function loadScripts(): Readonly<Record<ScriptName, Script>> {
  return readScripts(
    new URL('./lua/', import.meta.url),
    ['turn', 'renew', 'reassert', 'seed', 'expired', 'unregister'],
    { turn: TURN_PARTS },
  );
}
