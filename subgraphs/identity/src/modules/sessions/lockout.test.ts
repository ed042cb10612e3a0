import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { afterFailure, isLocked, LOCKOUT, type Throttle } from './lockout.ts';

const fail = (times: readonly number[]): Throttle | undefined =>
  times.reduce<Throttle | undefined>((throttle, atMs) => afterFailure(throttle, atMs), undefined);

describe('the lockout of an address', () => {
  it('begins with the fifth failure within 15 minutes and lasts 15 minutes', () => {
    const four = fail([0, 1, 2, 3]);
    expect(isLocked(four, 4)).toBe(false);
    const five = afterFailure(four, LOCKOUT.windowMs - 1);
    expect(isLocked(five, LOCKOUT.windowMs - 1)).toBe(true);
    expect(isLocked(five, LOCKOUT.windowMs - 2 + LOCKOUT.lockMs)).toBe(true);
    expect(isLocked(five, LOCKOUT.windowMs - 1 + LOCKOUT.lockMs)).toBe(false);
  });

  it('forgets failures that are older than the window', () => {
    expect(isLocked(fail([0, 1, 2, 3, LOCKOUT.windowMs]), LOCKOUT.windowMs)).toBe(false);
  });

  it('cannot be prolonged by failing on, and counts anew after it', () => {
    const locked = fail([0, 0, 0, 0, 0]);
    expect(afterFailure(locked, LOCKOUT.lockMs - 1)).toBe(locked);
    expect(afterFailure(locked, LOCKOUT.lockMs)).toMatchObject({ failures: 1, lockedUntilMs: null });
  });

  it('lets nobody guess more than five times in any 15 minutes in which it began', () => {
    const gaps = fc.array(fc.integer({ min: 0, max: LOCKOUT.windowMs }), { maxLength: 60 });
    fc.assert(
      fc.property(gaps, (list) => {
        let throttle: Throttle | undefined;
        let nowMs = 0;
        const guesses: number[] = [];
        for (const gap of list) {
          nowMs += gap;
          if (isLocked(throttle, nowMs)) continue;
          guesses.push(nowMs);
          throttle = afterFailure(throttle, nowMs);
          if (throttle.lockedUntilMs === null) continue;
          const inWindow = guesses.filter((atMs) => atMs >= (throttle?.windowStartedAtMs ?? 0));
          expect(inWindow).toHaveLength(LOCKOUT.failuresMax);
        }
      }),
    );
  });
});
