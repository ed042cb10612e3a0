import type { AdmitRequest, WindowLimit, WindowState } from './contract.ts';
import { HOUR_MS, isDaySlot, lengthOf, MINUTE_MS, remainingOf, resetOf, slotOf } from './window-math.ts';

/** What one window of a request has counted, by its position in the request. */
export interface WindowCounts {
  current(position: number): number;
  previous(position: number): number;
}

/** The tightest window that was found so far. */
interface Tightest {
  position: number;
  remaining: number;
  resetMs: number;
}

/**
 * The tightest window of each metric: with the least left, and of equal ones the one that takes longest to reset. A
 * chain has dozens of windows and clients are told of these only, so nothing is made of the others.
 */
export function tightestWindows(
  { windows, day }: Pick<AdmitRequest, 'windows' | 'day'>,
  counts: WindowCounts,
  nowMs: number,
): WindowState[] {
  const [inMinute, inHour] = [nowMs % MINUTE_MS, nowMs % HOUR_MS];
  const requests: Tightest = { position: -1, remaining: Number.POSITIVE_INFINITY, resetMs: 0 };
  const tokens: Tightest = { position: -1, remaining: Number.POSITIVE_INFINITY, resetMs: 0 };
  for (let position = 0; position < windows.length; position++) {
    const window = windows[position];
    if (window === undefined) continue;
    const { metric, limit } = window;
    const slot = slotOf(metric, window.window);
    const tightest = metric === 'requests' ? requests : tokens;
    const [current, previous] = [counts.current(position), counts.previous(position)];
    const elapsed = isDaySlot(slot) ? 0 : lengthOf(slot) === MINUTE_MS ? inMinute : inHour;
    const remaining = remainingOf(slot, limit, current, isDaySlot(slot) ? 0 : previous, elapsed);
    if (remaining > tightest.remaining) continue;
    const resetMs = resetOf(slot, current, previous, nowMs, day);
    if (remaining === tightest.remaining && resetMs <= tightest.resetMs) continue;
    tightest.position = position;
    tightest.remaining = remaining;
    tightest.resetMs = resetMs;
  }
  return statesOf(windows, [requests, tokens]);
}

function statesOf(windows: readonly WindowLimit[], found: readonly Tightest[]): WindowState[] {
  const states: WindowState[] = [];
  for (const { position, remaining, resetMs } of found) {
    const at = windows[position];
    if (!at) continue;
    const { subject, metric, window, limit } = at;
    states.push({ subject, metric, window, limit, remaining, resetMs });
  }
  return states;
}
