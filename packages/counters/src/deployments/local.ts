import type { Clock } from '@weir/kernel/clock';
import type { Claim, Deployments, OnDeploymentChange } from './contract.ts';
import {
  ENTRIES_MAX,
  EVERYTHING,
  fallenAsleep,
  isNews,
  probedBy,
  recovered,
  stateAt,
  unprobed,
  type Entry,
} from './entry.ts';
import { createKnown } from './known.ts';
import { jitterMs } from './sleep.ts';

export interface LocalDeploymentsOptions {
  readonly clock: Clock;
  readonly entriesMax?: number;
  /** In [0, 1); how much later than it has to a deployment wakes. */
  readonly random?: () => number;
  readonly onChange?: OnDeploymentChange;
}

/** The states of a single proxy, in its own memory. */
export function createLocalDeployments(options: LocalDeploymentsOptions): Deployments {
  const { clock, entriesMax = ENTRIES_MAX, random = Math.random, onChange } = options;
  const known = createKnown(entriesMax);
  let version = 0;
  let probes = 0;

  function claimAwake(deployment: string): Claim {
    return { deployment, seen: version, probe: null };
  }

  function claimProbe(deployment: string, entry: Entry, nowMs: number): Claim {
    version++;
    const probe = String(++probes);
    known.set(deployment, probedBy(entry, probe, nowMs, version), nowMs);
    return { deployment, seen: version, probe };
  }

  return {
    get isQuiet() {
      return known.size === 0;
    },
    stateOf(deployment) {
      const nowMs = clock.now();
      return stateAt(known.get(deployment, nowMs), nowMs);
    },
    claim(deployment) {
      if (known.size === 0) return claimAwake(deployment);
      const nowMs = clock.now();
      const entry = known.get(deployment, nowMs);
      switch (stateAt(entry, nowMs).kind) {
        case 'awake':
          return claimAwake(deployment);
        case 'half-open':
          return entry ? claimProbe(deployment, entry, nowMs) : claimAwake(deployment);
        case 'sleeping':
        case 'probing':
          return null;
      }
    },
    succeeded(claim) {
      const { seen, deployment } = claim;
      claim.seen = EVERYTHING;
      if (known.size === 0) return;
      const nowMs = clock.now();
      const entry = known.get(deployment, nowMs);
      if (entry?.phase !== 'asleep' || seen < entry.since) return;
      known.set(deployment, recovered(entry, nowMs, ++version), nowMs);
      onChange?.(deployment);
    },
    failed(claim, failure) {
      const nowMs = clock.now();
      const entry = known.get(claim.deployment, nowMs);
      if (!isNews(entry, claim.seen, nowMs)) return;
      const asleep = fallenAsleep(entry, failure, nowMs, ++version);
      const untilMs = asleep.untilMs + jitterMs(asleep.untilMs - nowMs, random);
      known.set(claim.deployment, { ...asleep, untilMs }, nowMs);
      onChange?.(claim.deployment);
    },
    released({ deployment, probe }) {
      if (probe === null) return;
      const nowMs = clock.now();
      const entry = known.get(deployment, nowMs);
      if (entry?.probe === probe) known.set(deployment, unprobed(entry, ++version), nowMs);
    },
    states: () => known.states(clock.now()),
    close: () => Promise.resolve(),
  };
}
