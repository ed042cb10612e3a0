import type { CalendarSpan, WindowLength, WindowLimit, WindowMetric, WindowState } from './contract.ts';

/**
 * The arithmetic of windows, in integers only, used by both stores for what callers see.
 *
 * A minute or an hour slides: `used = current + previous × (length − elapsed) / length`, kept multiplied by `length`
 * so that nothing is rounded. A day is one cell. Requests fit when one more stays within the limit; tokens are counted
 * after the fact, so they fit while less than the limit is used and the request that crosses it succeeds.
 */
export const MINUTE_MS = 60_000;
export const HOUR_MS = 3_600_000;

/** Slots of one subject: three windows of requests, then three of tokens. */
export const SLOT_COUNT = 6;

/** Position of a window among the slots of its subject; the Lua functions use the same order. */
export function slotOf(metric: WindowMetric, window: WindowLength): number {
  const base = metric === 'requests' ? 0 : 3;
  return window === 'minute' ? base : window === 'hour' ? base + 1 : base + 2;
}

export function isDaySlot(slot: number): boolean {
  return slot === 2 || slot === 5;
}

export function isTokenSlot(slot: number): boolean {
  return slot >= 3;
}

/** The length by which a slot's cells are numbered; 1 for a day, whose cell is weighted by nothing. */
export function lengthOf(slot: number): number {
  return isDaySlot(slot) ? 1 : slot === 0 || slot === 3 ? MINUTE_MS : HOUR_MS;
}

/** What remains of the limit, multiplied by the length and less what the current cell has used. */
function room(slot: number, limit: number, current: number): number {
  const length = lengthOf(slot);
  return isTokenSlot(slot) ? (limit - current) * length - 1 : (limit - 1 - current) * length;
}

/** Whether one more request fits. `previous` and `elapsed` are 0 for a day. */
export function fits(
  slot: number,
  limit: number,
  current: number,
  previous: number,
  elapsed: number,
): boolean {
  return previous * (lengthOf(slot) - elapsed) <= room(slot, limit, current);
}

/** Milliseconds into a cell from which `previous` weighs little enough; the cell's length when it never does. */
function fitsFrom(slot: number, space: number, previous: number): number {
  const length = lengthOf(slot);
  if (space < 0) return length;
  if (previous === 0) return 0;
  let weight = Math.floor(space / previous);
  // The quotient of two large integers may be rounded up to the next integer; the product tells.
  if (weight * previous > space) weight -= 1;
  return Math.max(0, length - weight);
}

/**
 * Milliseconds until one request fits if nothing else happens. For a limit below 1, which never admits, the time
 * until the window is empty.
 */
export function waitFor(
  slot: number,
  limit: number,
  current: number,
  previous: number,
  atMs: number,
  day: CalendarSpan,
): number {
  if (isDaySlot(slot)) return fits(slot, limit, current, 0, 0) ? 0 : day.endMs - atMs;
  const length = lengthOf(slot);
  const elapsed = atMs % length;
  if (limit < 1) return 2 * length - elapsed;
  const inThisCell = fitsFrom(slot, room(slot, limit, current), previous);
  if (inThisCell < length) return Math.max(0, inThisCell - elapsed);
  return length - elapsed + fitsFrom(slot, room(slot, limit, 0), current);
}

/** How much of a limit is left, never less than 0. `previous` and `elapsed` are 0 for a day. */
export function remainingOf(
  slot: number,
  limit: number,
  current: number,
  previous: number,
  elapsed: number,
): number {
  if (previous === 0) return Math.max(0, limit - current);
  const length = lengthOf(slot);
  return Math.max(0, Math.floor(((limit - current) * length - previous * (length - elapsed)) / length));
}

/** Milliseconds until the window is empty (sliding) or ends (day). */
export function resetOf(
  slot: number,
  current: number,
  previous: number,
  atMs: number,
  day: CalendarSpan,
): number {
  if (isDaySlot(slot)) return day.endMs - atMs;
  const length = lengthOf(slot);
  const left = length - (atMs % length);
  return current > 0 ? length + left : previous > 0 ? left : 0;
}

/** How the window stands, as callers see it. */
export function windowState(
  { subject, metric, window, limit }: WindowLimit,
  slot: number,
  current: number,
  previous: number,
  atMs: number,
  day: CalendarSpan,
): WindowState {
  const remaining = isDaySlot(slot)
    ? Math.max(0, limit - current)
    : remainingOf(slot, limit, current, previous, atMs % lengthOf(slot));
  return { subject, metric, window, limit, remaining, resetMs: resetOf(slot, current, previous, atMs, day) };
}
