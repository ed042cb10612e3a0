import { readLibrary, type FunctionLibrary } from './function-library.ts';

/** Read in this order. */
export const TURN_PARTS = ['turn/lanes', 'turn/settlements', 'turn/admissions'] as const;

export const COUNTER_FUNCTIONS = ['turn', 'renew', 'reassert', 'seed', 'expired', 'unregister'] as const;

export type CounterFunction = (typeof COUNTER_FUNCTIONS)[number];

/** What the counter store does in Redis. */
export function readCounterLibrary(): FunctionLibrary<CounterFunction> {
  return readLibrary('counters', new URL('./lua/', import.meta.url), COUNTER_FUNCTIONS, TURN_PARTS);
}
