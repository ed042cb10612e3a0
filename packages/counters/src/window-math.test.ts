import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fits, isDaySlot, lengthOf, slotOf, waitFor, windowState } from './window-math.ts';

const NOON = Date.UTC(2026, 0, 15, 12);
const day = { startMs: NOON - 43_200_000, endMs: NOON + 43_200_000 };

/** Whether a request fits after a wait in which nothing else happens. */
function fitsAfter(
  slot: number,
  limit: number,
  current: number,
  previous: number,
  atMs: number,
  waitMs: number,
): boolean {
  if (isDaySlot(slot)) return waitMs >= day.endMs - atMs ? limit >= 1 : fits(slot, limit, current, 0, 0);
  const length = lengthOf(slot);
  const cells = Math.floor((atMs + waitMs) / length) - Math.floor(atMs / length);
  const elapsed = (atMs + waitMs) % length;
  if (cells === 0) return fits(slot, limit, current, previous, elapsed);
  return fits(slot, limit, 0, cells === 1 ? current : 0, elapsed);
}

describe('window arithmetic', () => {
  const amount = fc.oneof(fc.nat({ max: 20 }), fc.nat({ max: 2_000_000_000 }));

  it('tells the shortest wait after which a request fits, for small and for huge counts', () => {
    const slot = fc.nat({ max: 5 });
    const property = fc.property(
      slot,
      amount,
      amount,
      amount,
      fc.nat({ max: 7_200_000 }),
      (at, given, current, last, offset) => {
        const limit = given + 1;
        const previous = isDaySlot(at) ? 0 : last;
        const nowMs = NOON + offset;
        const wait = waitFor(at, limit, current, previous, nowMs, day);
        expect(fitsAfter(at, limit, current, previous, nowMs, wait)).toBe(true);
        if (wait > 0) expect(fitsAfter(at, limit, current, previous, nowMs, wait - 1)).toBe(false);
      },
    );
    fc.assert(property, { numRuns: 2000 });
  });

  it('rounds what remains down, never up', () => {
    const window = { subject: 'key:a', metric: 'requests', window: 'minute', limit: 10 } as const;
    const slot = slotOf('requests', 'minute');
    expect(windowState(window, slot, 2, 3, NOON + 59_999, day)).toMatchObject({ remaining: 7 });
    expect(windowState(window, slot, 2, 3, NOON, day)).toMatchObject({ remaining: 5, resetMs: 120_000 });
    expect(windowState(window, slot, 20, 3, NOON, day)).toMatchObject({ remaining: 0 });
    expect(windowState(window, slot, 0, 3, NOON + 1, day)).toMatchObject({ resetMs: 59_999 });
  });
});
