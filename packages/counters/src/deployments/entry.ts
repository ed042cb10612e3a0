import type { DeploymentFailure, DeploymentState, SleepReason } from './contract.ts';
import { needsProbe, sleepAfter, sleepMs } from './sleep.ts';

/** What is known of one deployment that failed lately. Instants are of the clock of whoever keeps it. */
export interface Entry {
  /** Grows with every change of any deployment, so that of two reports the newer one wins. */
  readonly version: number;
  /** The change with which it fell asleep, or recovered. What requests from before it report does not count. */
  readonly since: number;
  readonly phase: 'asleep' | 'recovered';
  readonly reason: SleepReason;
  /** In a row. */
  readonly failures: number;
  readonly untilMs: number;
  readonly probe: string | null;
  readonly probeUntilMs: number;
  /** When it counts for nothing any more. */
  readonly forgetAtMs: number;
}

/** A test that never reports back gives way to another one. */
export const PROBE_MS = 30_000;
/** How long failures in a row are remembered after the sleep, when nobody asked again. */
export const REMEMBERED_MS = 3_600_000;
/** Longer than a request may take: until then one may report a failure from before the recovery. */
export const RECOVERED_MS = 3_600_000;
/** More than one provider key and model each for thousands of tenants; beyond it what is forgotten first goes first. */
export const ENTRIES_MAX = 10_000;

/** What a claim has seen whose request has heard from the provider: its next report is news whatever changed. */
export const EVERYTHING = Number.MAX_SAFE_INTEGER;

export const AWAKE: DeploymentState = Object.freeze({ kind: 'awake' });

export function stateAt(entry: Entry | undefined, nowMs: number): DeploymentState {
  if (entry?.phase !== 'asleep') return AWAKE;
  const { reason, failures, untilMs, probeUntilMs } = entry;
  if (nowMs < untilMs) return { kind: 'sleeping', reason, failures, untilMs };
  if (!needsProbe(reason)) return AWAKE;
  if (nowMs < probeUntilMs) return { kind: 'probing', reason, failures, untilMs: probeUntilMs };
  return { kind: 'half-open', reason, failures };
}

/** Nobody may be asked during a sleep, so whoever reports then was under way before it. */
export function isNews(entry: Entry | undefined, seen: number, nowMs: number): boolean {
  if (!entry) return true;
  if (entry.phase === 'asleep' && nowMs < entry.untilMs) return false;
  return seen >= entry.since;
}

export function fallenAsleep(
  before: Entry | undefined,
  failure: DeploymentFailure,
  nowMs: number,
  version: number,
): Entry {
  const failures = before?.phase === 'asleep' ? before.failures + 1 : 1;
  const untilMs = nowMs + sleepMs(sleepAfter(failure), failures);
  return {
    version,
    since: version,
    phase: 'asleep',
    reason: failure.reason,
    failures,
    untilMs,
    probe: null,
    probeUntilMs: 0,
    forgetAtMs: untilMs + REMEMBERED_MS,
  };
}

export function recovered(before: Entry, nowMs: number, version: number): Entry {
  return {
    ...before,
    version,
    since: version,
    phase: 'recovered',
    failures: 0,
    untilMs: 0,
    probe: null,
    probeUntilMs: 0,
    forgetAtMs: nowMs + RECOVERED_MS,
  };
}

export function probedBy(entry: Entry, probe: string, nowMs: number, version: number): Entry {
  const probeUntilMs = nowMs + PROBE_MS;
  return { ...entry, version, probe, probeUntilMs };
}

export function unprobed(entry: Entry, version: number): Entry {
  return { ...entry, version, probe: null, probeUntilMs: 0 };
}
