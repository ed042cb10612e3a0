import type { AdmitRequest, WindowMetric, WindowState } from './contract.ts';
import { remainingOf, resetOf, slotOf, windowState } from './window-math.ts';

const METRICS: readonly WindowMetric[] = ['requests', 'tokens'];

/** What one window of a request has counted, by its position in the request. */
export interface WindowCounts {
  current(position: number): number;
  previous(position: number): number;
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
  const states: WindowState[] = [];
  for (const metric of METRICS) {
    let found = -1;
    let least = Number.POSITIVE_INFINITY;
    let longest = 0;
    for (let position = 0; position < windows.length; position++) {
      const window = windows[position];
      if (window?.metric !== metric) continue;
      const slot = slotOf(metric, window.window);
      const [current, previous] = [counts.current(position), counts.previous(position)];
      const remaining = remainingOf(slot, window.limit, current, previous, nowMs);
      if (remaining > least) continue;
      const resetMs = resetOf(slot, current, previous, nowMs, day);
      if (remaining === least && resetMs <= longest) continue;
      found = position;
      least = remaining;
      longest = resetMs;
    }
    const window = windows[found];
    if (!window) continue;
    const slot = slotOf(metric, window.window);
    states.push(windowState(window, slot, counts.current(found), counts.previous(found), nowMs, day));
  }
  return states;
}
