import type { AdmitRequest, AdmitResult, CalendarSpan, WindowLimit, WindowState } from '../contract.ts';
import { tightestWindows, type WindowCounts } from '../tightest-windows.ts';
import { isTokenSlot, slotOf } from '../window-math.ts';
import { isCooling, rollSlot, slotFits, slotState, slotWait, startCooling, type Slot } from './slot.ts';
import type { LocalState, Organization, ResolvedWindows, Subject } from './state.ts';

/** Dozens per request, so they are walked by number: iterators were the largest single thing that a request allocated. */
type Slots = readonly (Slot | undefined)[];

/**
 * Finds the slots of all windows and brings them to the present. A list of windows comes again with every request of
 * its key, so what was found for it is remembered.
 * @returns Undefined where one must be seeded first; `state.slots` then says which, in the request's order. Otherwise what
 * was found, in that order.
 * @throws TypeError when one window is given twice: counting it twice would be wrong, and once would hide a bug.
 */
export function resolveWindows(
  state: LocalState,
  organization: Organization,
  request: Pick<AdmitRequest, 'windows' | 'day'>,
  nowMs: number,
): ResolvedWindows | undefined {
  const known = organization.resolved.get(request.windows);
  if (known && rollAll(known, request.day, nowMs)) return known;
  if (!lookUpSlots(state, organization, request, nowMs)) return undefined;
  const found = resolvedOf(organization, request.windows, state.slots);
  organization.resolved.set(request.windows, found);
  return found;
}

function rollAll({ slots, subjects }: ResolvedWindows, day: CalendarSpan, nowMs: number): boolean {
  for (let index = 0; index < slots.length; index++) {
    const slot = slots[index];
    if (slot !== undefined && !rollSlot(slot, nowMs, day)) return false;
  }
  for (let index = 0; index < subjects.length; index++) {
    const subject = subjects[index];
    if (subject !== undefined) subject.lastUsedMs = nowMs;
  }
  return true;
}

/** Callers give the windows of one subject together, so a subject is usually looked up once. */
function lookUpSlots(
  state: LocalState,
  organization: Organization,
  request: Pick<AdmitRequest, 'windows' | 'day'>,
  nowMs: number,
): boolean {
  const { slots } = state;
  state.lookups += 1;
  slots.length = 0;
  let complete = true;
  let name = '';
  let subject: Subject | undefined;
  for (const window of request.windows) {
    if (window.subject !== name) {
      name = window.subject;
      subject = organization.subjects.get(name);
      if (subject !== undefined) subject.lastUsedMs = nowMs;
    }
    const slot = subject?.slots[slotOf(window.metric, window.window)];
    if (slot === undefined || !rollSlot(slot, nowMs, request.day)) {
      complete = false;
      slots.push(undefined);
      continue;
    }
    if (slot.seenBy === state.lookups)
      throw new TypeError(`${window.subject} has a window that is given twice`);
    slot.seenBy = state.lookups;
    slots.push(slot);
  }
  return complete;
}

function resolvedOf(
  organization: Organization,
  windows: readonly WindowLimit[],
  slots: Slots,
): ResolvedWindows {
  const all = slots.filter((slot) => slot !== undefined);
  const names = new Set(windows.map(({ subject }) => subject));
  return {
    slots: all,
    ofRequests: all.filter(({ position }) => !isTokenSlot(position)),
    ofTokens: all.filter(({ position }) => isTokenSlot(position)),
    subjects: [...names]
      .map((name) => organization.subjects.get(name))
      .filter((found) => found !== undefined),
  };
}

export function windowsFit(slots: Slots, request: AdmitRequest, nowMs: number): boolean {
  for (let index = 0; index < slots.length; index++) {
    const slot = slots[index];
    const limit = request.windows[index]?.limit ?? 0;
    if (slot !== undefined && (isCooling(slot, limit, nowMs) || !slotFits(slot, limit, nowMs))) return false;
  }
  return true;
}

/**
 * Every window that denies starts or renews its cooldown; the answer names the one that takes longest, so waiting for
 * it is waiting for all.
 */
export function denyByWindows(slots: Slots, request: AdmitRequest, nowMs: number): AdmitResult {
  let longest = -1;
  let reason: 'window' | 'cooldown' = 'window';
  let tightest: WindowState | undefined;
  for (const [index, slot] of slots.entries()) {
    const window = request.windows[index];
    if (slot === undefined || window === undefined) continue;
    const cooling = isCooling(slot, window.limit, nowMs);
    if (!cooling && slotFits(slot, window.limit, nowMs)) continue;
    startCooling(slot, window.limit, nowMs, request.cooldownMs, request.day);
    const wait = slotWait(slot, window.limit, nowMs, request.day);
    if (wait <= longest) continue;
    longest = wait;
    reason = cooling ? 'cooldown' : 'window';
    tightest = { ...slotState(slot, window, nowMs, request.day), remaining: 0 };
  }
  if (tightest === undefined) throw new Error('no window denies');
  return { kind: 'denied', reason, nowMs, window: tightest, retryAfterMs: longest };
}

/** A window that was never seeded has counted nothing. */
export function tightestOf(slots: Slots, request: AdmitRequest, nowMs: number): WindowState[] {
  return tightestWindows(request, new SlotCounts(slots), nowMs);
}

class SlotCounts implements WindowCounts {
  private readonly slots: Slots;

  constructor(slots: Slots) {
    this.slots = slots;
  }

  current(position: number): number {
    return this.slots[position]?.current ?? 0;
  }

  previous(position: number): number {
    return this.slots[position]?.previous ?? 0;
  }
}
