import type { CalendarSpan, WindowLimit, WindowState } from '../contract.ts';
import { fits, isDaySlot, isTokenSlot, lengthOf, waitFor, windowState } from '../window-math.ts';

const UNSEEDED = -1;

/** One window of one subject. */
export interface Slot {
  /** Position in `window-math`; decides metric and length. */
  readonly position: number;
  /** The number of the current cell (time / length); for a day its first instant. */
  cell: number;
  current: number;
  /** Count of the cell before; always 0 for a day. */
  previous: number;
  /** The last instant of a day, exclusive; 0 for sliding windows. */
  dayEndMs: number;
  coolingUntilMs: number;
  /** A cooldown binds limits up to the one that was hit, so raising the limit lifts it. */
  coolingLimit: number;
  /** Number of the look-up that found it last; tells a window that was given twice. */
  seenBy: number;
}

export function newSlot(position: number): Slot {
  return {
    position,
    cell: UNSEEDED,
    current: 0,
    previous: 0,
    dayEndMs: 0,
    coolingUntilMs: 0,
    coolingLimit: 0,
    seenBy: 0,
  };
}

/** Starts a slot from what Postgres has counted; the cell is the one of `asOfMs`. */
export function seedSlot(
  slot: Slot,
  current: number,
  previous: number,
  asOfMs: number,
  day: CalendarSpan,
): void {
  const isDay = isDaySlot(slot.position);
  slot.cell = isDay ? day.startMs : Math.floor(asOfMs / lengthOf(slot.position));
  slot.current = current;
  slot.previous = isDay ? 0 : previous;
  slot.dayEndMs = isDay ? day.endMs : 0;
  slot.coolingUntilMs = 0;
}

/**
 * Brings a slot to the present. False where it cannot say what the present cell holds: it was never seeded, or the
 * caller's day overlaps the slot's without being the same (the organization has moved to another time zone).
 */
export function rollSlot(slot: Slot, nowMs: number, day: CalendarSpan): boolean {
  if (slot.cell === UNSEEDED) return false;
  if (isDaySlot(slot.position)) {
    if (day.startMs === slot.cell) return true;
    if (day.startMs < slot.dayEndMs) return false;
    slot.cell = day.startMs;
    slot.dayEndMs = day.endMs;
    slot.current = 0;
    return true;
  }
  const cell = Math.floor(nowMs / lengthOf(slot.position));
  // A clock that was set back waits in the newest cell rather than opening an old one again.
  if (cell <= slot.cell) return true;
  slot.previous = cell === slot.cell + 1 ? slot.current : 0;
  slot.current = 0;
  slot.cell = cell;
  return true;
}

function elapsedIn(slot: Slot, nowMs: number): number {
  return isDaySlot(slot.position) ? 0 : Math.max(0, nowMs - slot.cell * lengthOf(slot.position));
}

export function slotFits(slot: Slot, limit: number, nowMs: number): boolean {
  return fits(slot.position, limit, slot.current, slot.previous, elapsedIn(slot, nowMs));
}

export function isCooling(slot: Slot, limit: number, nowMs: number): boolean {
  return nowMs < slot.coolingUntilMs && limit <= slot.coolingLimit;
}

/** A short window's penalty starts over with every probe; a day's ends with the day and is never prolonged. */
export function startCooling(
  slot: Slot,
  limit: number,
  nowMs: number,
  cooldownMs: number,
  day: CalendarSpan,
): void {
  slot.coolingLimit = nowMs < slot.coolingUntilMs ? Math.max(slot.coolingLimit, limit) : limit;
  slot.coolingUntilMs = isDaySlot(slot.position) ? day.endMs : nowMs + cooldownMs;
}

/** Milliseconds until the window and its cooldown let one request through. */
export function slotWait(slot: Slot, limit: number, nowMs: number, day: CalendarSpan): number {
  const wait = waitFor(slot.position, limit, slot.current, slot.previous, nowMs, day);
  const cooling = isCooling(slot, limit, nowMs) ? slot.coolingUntilMs - nowMs : 0;
  return Math.max(wait, cooling);
}

export function slotState(slot: Slot, limit: WindowLimit, nowMs: number, day: CalendarSpan): WindowState {
  return windowState(limit, slot.position, slot.current, slot.previous, nowMs, day);
}

/** Adds tokens to the cell in which the attempt was admitted; a cell that no window looks at any more takes none. */
export function addTokens(slot: Slot, tokens: number, admittedAtMs: number): void {
  if (slot.cell === UNSEEDED || !isTokenSlot(slot.position)) return;
  if (isDaySlot(slot.position)) {
    if (admittedAtMs >= slot.cell && admittedAtMs < slot.dayEndMs)
      slot.current = Math.max(0, slot.current + tokens);
    return;
  }
  const cell = Math.floor(admittedAtMs / lengthOf(slot.position));
  if (cell === slot.cell) slot.current = Math.max(0, slot.current + tokens);
  else if (cell === slot.cell - 1) slot.previous = Math.max(0, slot.previous + tokens);
}
