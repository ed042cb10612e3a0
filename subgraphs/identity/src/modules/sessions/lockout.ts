/** How often signing in with one address has failed lately. */
export interface Throttle {
  readonly failures: number;
  readonly windowStartedAtMs: number;
  readonly lockedUntilMs: number | null;
}

export const LOCKOUT = {
  failuresMax: 5,
  windowMs: 15 * 60_000,
  lockMs: 15 * 60_000,
} as const;

export function isLocked(throttle: Throttle | undefined, nowMs: number): boolean {
  const lockedUntilMs = throttle?.lockedUntilMs ?? null;
  return lockedUntilMs !== null && nowMs < lockedUntilMs;
}

/**
 * Counts one failure. The window begins with its first failure; the one that fills it starts the lock, after which
 * counting begins anew. Failing while locked changes nothing, so nobody can prolong somebody else's lock.
 */
export function afterFailure(throttle: Throttle | undefined, nowMs: number): Throttle {
  if (throttle && isLocked(throttle, nowMs)) return throttle;
  const isFresh =
    throttle !== undefined &&
    throttle.lockedUntilMs === null &&
    nowMs < throttle.windowStartedAtMs + LOCKOUT.windowMs;
  const failures = isFresh ? throttle.failures + 1 : 1;
  return {
    failures,
    windowStartedAtMs: isFresh ? throttle.windowStartedAtMs : nowMs,
    lockedUntilMs: failures >= LOCKOUT.failuresMax ? nowMs + LOCKOUT.lockMs : null,
  };
}
