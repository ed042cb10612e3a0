import type { Clock } from '@weir/kernel/clock';
import type { Failure } from '../upstream/failure.ts';

/**
 * Which provider keys are worth asking. State is kept per deployment, one key serving one model: providers limit and
 * break per model, and a model that always fails must not put the others to sleep.
 */
export interface KeyHealth {
  /** 0 when the deployment may be asked now; else the instant from which it may. */
  availableAtMs(deployment: string): number;
  /**
   * Claims the deployment for one request. False when it is half-open and another request is probing it; ask again
   * later.
   */
  claim(deployment: string): boolean;
  succeeded(deployment: string): void;
  failed(deployment: string, failure: Failure): void;
  /** A claimed request ended without saying anything about the deployment (the client left). */
  released(deployment: string): void;
}

interface Sleep {
  /** How often in a row it failed. */
  readonly failures: number;
  readonly untilMs: number;
  /** After the sleep one request tests the deployment before everybody returns. */
  readonly needsProbe: boolean;
  /** Until when the test is taken to be under way. */
  probingUntilMs: number;
}

const SECOND_MS = 1_000;
const THROTTLED_MS = 60 * SECOND_MS;
const BROKEN_MS = 15 * SECOND_MS;
const SLEEP_MAX_MS = 600 * SECOND_MS;
const QUOTA_MS = 3_600 * SECOND_MS;
/** A refused credential is a person's to repair; one test now and then notices a repair at the provider's side. */
const REFUSED_MS = 600 * SECOND_MS;
/** A test that never reports back gives way to another one. */
const PROBE_MS = 30 * SECOND_MS;
/** Deployments are named by policies; those of keys long gone are forgotten, oldest first. */
const SLEEPS_MAX = 10_000;

/** The state of this process. Other proxies find out for themselves. */
export function createKeyHealth(clock: Clock): KeyHealth {
  const sleeps = new Map<string, Sleep>();

  return {
    availableAtMs(deployment) {
      const sleep = sleeps.get(deployment);
      if (!sleep) return 0;
      const nowMs = clock.now();
      if (nowMs < sleep.untilMs) return sleep.untilMs;
      return sleep.needsProbe && nowMs < sleep.probingUntilMs ? nowMs + SECOND_MS : 0;
    },
    claim(deployment) {
      const sleep = sleeps.get(deployment);
      if (!sleep) return true;
      const nowMs = clock.now();
      if (nowMs < sleep.untilMs) return false;
      if (!sleep.needsProbe) return true;
      if (nowMs < sleep.probingUntilMs) return false;
      sleep.probingUntilMs = nowMs + PROBE_MS;
      return true;
    },
    succeeded(deployment) {
      if (sleeps.size > 0) sleeps.delete(deployment);
    },
    failed(deployment, failure) {
      const nowMs = clock.now();
      const before = sleeps.get(deployment);
      // Requests that were under way when it fell asleep say nothing new; only a failure after the sleep prolongs it.
      if (before && nowMs < before.untilMs && !outlasts(failure)) return;
      const failures = (before?.failures ?? 0) + 1;
      sleeps.delete(deployment);
      for (const [oldest] of sleeps) {
        if (sleeps.size < SLEEPS_MAX) break;
        sleeps.delete(oldest);
      }
      sleeps.set(deployment, {
        failures,
        untilMs: nowMs + sleepMs(failure, failures),
        needsProbe: failure.kind !== 'throttled',
        probingUntilMs: 0,
      });
    },
    released(deployment) {
      const sleep = sleeps.get(deployment);
      if (sleep) sleep.probingUntilMs = 0;
    },
  };
}

/** A refused credential and an empty account tell more than whatever put the deployment to sleep before. */
function outlasts(failure: Failure): boolean {
  return failure.kind === 'refused' || failure.kind === 'quota';
}

function sleepMs(failure: Failure, failures: number): number {
  const doubled = (firstMs: number): number =>
    Math.min(SLEEP_MAX_MS, firstMs * 2 ** Math.min(failures - 1, 16));
  switch (failure.kind) {
    case 'refused':
      return REFUSED_MS;
    case 'quota':
      return QUOTA_MS;
    case 'throttled':
      return failure.retryAfterMs ?? doubled(THROTTLED_MS);
    case 'broken':
    case 'timeout':
    case 'unreachable':
      return doubled(BROKEN_MS);
  }
}
