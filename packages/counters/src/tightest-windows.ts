import type { AdmitRequest, WindowLimit, WindowMetric, WindowState } from './contract.ts';
import { HOUR_MS, isDaySlot, lengthOf, MINUTE_MS, remainingOf, resetOf, slotOf } from './window-math.ts';

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
  request: Pick<AdmitRequest, 'windows' | 'day'>,
  counts: WindowCounts,
  nowMs: number,
): WindowState[] {
  const states: WindowState[] = [];
  for (const metric of METRICS) {
    const tightest = tightestOf(metric, request, counts, nowMs);
    if (tightest) states.push(tightest);
  }
  return states;
}

function tightestOf(
  metric: WindowMetric,
  { windows, day }: Pick<AdmitRequest, 'windows' | 'day'>,
  counts: WindowCounts,
  nowMs: number,
): WindowState | undefined {
  const inMinute = nowMs % MINUTE_MS;
  const inHour = nowMs % HOUR_MS;
  let found: WindowLimit | undefined;
  let least = Number.POSITIVE_INFINITY;
  let longest = 0;
  for (let position = 0; position < windows.length; position++) {
    const window = windows[position];
    if (window?.metric !== metric) continue;
    const slot = slotOf(metric, window.window);
    const isDay = isDaySlot(slot);
    const current = counts.current(position);
    const previous = isDay ? 0 : counts.previous(position);
    const elapsed = isDay ? 0 : lengthOf(slot) === MINUTE_MS ? inMinute : inHour;
    const remaining = remainingOf(slot, window.limit, current, previous, elapsed);
    if (remaining > least) continue;
    const resetMs = resetOf(slot, current, previous, nowMs, day);
    if (remaining === least && resetMs <= longest) continue;
    found = window;
    least = remaining;
    longest = resetMs;
  }
  if (!found) return undefined;
  const { subject, window, limit } = found;
  return { subject, metric, window, limit, remaining: least, resetMs: longest };
}
