import { expect, it } from 'vitest';
import { runScenario, SHORT } from './src/run.ts';
import { SCENARIOS } from './src/scenarios.ts';
import { violations } from './src/verdict.ts';

/** `npm run chaos` in small. */
it.each(Object.values(SCENARIOS))(
  '$name: nothing is overspent, lost or counted twice, no hold stays, and the ledger equals the book of the provider',
  async (scenario) => {
    expect(violations(await runScenario(scenario, SHORT))).toEqual([]);
  },
  240_000,
);
