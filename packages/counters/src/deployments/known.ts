import type { DeploymentState } from './contract.ts';
import { stateAt, type Entry } from './entry.ts';

/** The entries of one process, bounded, each forgotten when its time is over. */
export interface Known {
  readonly size: number;
  get(deployment: string, nowMs: number): Entry | undefined;
  set(deployment: string, entry: Entry, nowMs: number): void;
  delete(deployment: string): void;
  states(nowMs: number): Iterable<readonly [string, DeploymentState]>;
}

const SWEEP_MS = 60_000;

export function createKnown(entriesMax: number): Known {
  const entries = new Map<string, Entry>();
  let sweepAtMs = 0;

  function sweep(nowMs: number): void {
    if (nowMs < sweepAtMs) return;
    sweepAtMs = nowMs + SWEEP_MS;
    for (const [deployment, { forgetAtMs }] of entries) if (nowMs >= forgetAtMs) entries.delete(deployment);
  }

  /** Rare: only with more failing deployments than a platform should have. */
  function makeRoom(): void {
    let soonest: string | undefined;
    let soonestMs = Number.POSITIVE_INFINITY;
    for (const [deployment, { forgetAtMs }] of entries) {
      if (forgetAtMs >= soonestMs) continue;
      soonest = deployment;
      soonestMs = forgetAtMs;
    }
    if (soonest !== undefined) entries.delete(soonest);
  }

  return {
    get size() {
      return entries.size;
    },
    get(deployment, nowMs) {
      if (entries.size === 0) return undefined;
      sweep(nowMs);
      const entry = entries.get(deployment);
      return entry && nowMs < entry.forgetAtMs ? entry : undefined;
    },
    set(deployment, entry, nowMs) {
      sweep(nowMs);
      if (!entries.has(deployment) && entries.size >= entriesMax) makeRoom();
      entries.set(deployment, entry);
    },
    delete(deployment) {
      entries.delete(deployment);
    },
    *states(nowMs) {
      for (const [deployment, entry] of entries) {
        const state = stateAt(nowMs < entry.forgetAtMs ? entry : undefined, nowMs);
        if (state.kind !== 'awake') yield [deployment, state];
      }
    },
  };
}
