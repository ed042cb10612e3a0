import { spendTheRest, type Aftermath } from './aftermath.ts';
import { startFleet } from './fleet.ts';
import { startLoad } from './load.ts';
import { prove, type Proof } from './proof.ts';
import type { Scenario } from './scenarios.ts';
import type { Tally } from './tally.ts';

export interface Scale {
  readonly proxies: number;
  readonly clients: number;
  /** Requests of each client, one after the other. */
  readonly turns: number;
  readonly limitNano: bigint;
  readonly leaseSeconds: number;
  readonly outageMs: number;
  /** The longest that clients try. */
  readonly loadMs: number;
  /** The longest until the last attempt has its close. */
  readonly recoveryMs: number;
}

/** As asked of the platform: the lease is the one of production. */
export const FULL: Scale = {
  proxies: 4,
  clients: 500,
  turns: 3,
  limitNano: 25_000_000n,
  leaseSeconds: 60,
  outageMs: 4_000,
  loadMs: 120_000,
  recoveryMs: 300_000,
};

/** Small enough for every run of the tests; only the lease is shorter than in production. */
export const SHORT: Scale = {
  ...FULL,
  clients: 150,
  turns: 3,
  limitNano: 8_000_000n,
  leaseSeconds: 5,
  outageMs: 2_000,
  recoveryMs: 60_000,
};

export interface Report {
  readonly scenario: Scenario;
  readonly tally: Tally;
  readonly aftermath: Aftermath;
  readonly proof: Proof;
}

/** Runs one scenario on a fleet of its own, from an empty database to the proof. */
export async function runScenario(scenario: Scenario, scale: Scale): Promise<Report> {
  const fleet = await startFleet(scale);
  try {
    const load = startLoad(fleet, { clients: scale.clients, turns: scale.turns, deadlineMs: scale.loadMs });
    await Promise.all([load.done, scenario.disturb(fleet, load, scale.outageMs)]);
    const recovered = await prove(fleet, scale.recoveryMs);
    const aftermath = await spendTheRest(fleet, scale.recoveryMs);
    const proof = await prove(fleet, scale.recoveryMs);
    return {
      scenario,
      tally: load.tally,
      aftermath,
      proof: { ...proof, recoverySeconds: recovered.recoverySeconds },
    };
  } finally {
    await fleet.stop();
  }
}
