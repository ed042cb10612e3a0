/** Time as a parameter: domain code never reads the machine's clock itself. Unix milliseconds. */
export interface Clock {
  now(): number;
}

export const systemClock: Clock = { now: () => Date.now() };
