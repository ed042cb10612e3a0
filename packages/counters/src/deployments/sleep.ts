import type { DeploymentFailure, SleepReason } from './contract.ts';

const SECOND_MS = 1_000;
const SLEEP_MAX_MS = 600 * SECOND_MS;
const THROTTLED_MS = 60 * SECOND_MS;
const BROKEN_MS = 15 * SECOND_MS;
const QUOTA_MS = 3_600 * SECOND_MS;

/** A sleep that doubles with every failure in a row; `firstMs` equal to `maxMs` never does. */
export interface Sleep {
  readonly firstMs: number;
  readonly maxMs: number;
  /** Whether one request has to test the deployment before everybody returns. */
  readonly needsProbe: boolean;
}

/** How long a failure lets a deployment rest. */
export function sleepAfter({ reason, retryAfterMs }: DeploymentFailure): Sleep {
  switch (reason) {
    case 'throttled':
      return retryAfterMs === null
        ? { firstMs: THROTTLED_MS, maxMs: SLEEP_MAX_MS, needsProbe: needsProbe(reason) }
        : { firstMs: retryAfterMs, maxMs: retryAfterMs, needsProbe: needsProbe(reason) };
    case 'quota':
      return { firstMs: QUOTA_MS, maxMs: QUOTA_MS, needsProbe: needsProbe(reason) };
    case 'broken':
    case 'timeout':
    case 'unreachable':
    case 'forbidden':
      return { firstMs: BROKEN_MS, maxMs: SLEEP_MAX_MS, needsProbe: needsProbe(reason) };
  }
}

/** A provider that names a time, or whose limit is one of a minute, is believed when it is over. */
export function needsProbe(reason: SleepReason): boolean {
  return reason !== 'throttled';
}

/** @param failures In a row, this one included. */
export function sleepMs({ firstMs, maxMs }: Sleep, failures: number): number {
  return Math.min(maxMs, firstMs * 2 ** Math.min(failures - 1, 16));
}

const JITTER_SHARE = 0.1;
const JITTER_MAX_MS = 10 * SECOND_MS;

/** Deployments that fell asleep together, and proxies that saw one fall asleep, do not all return in one instant. */
export function jitterMs(restMs: number, random: () => number): number {
  return Math.floor(random() * Math.min(restMs * JITTER_SHARE, JITTER_MAX_MS));
}
