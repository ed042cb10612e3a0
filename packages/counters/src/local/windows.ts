import type { AdmitRequest, AdmitResult, WindowState } from '../contract.ts';
import { tightestWindows } from '../tightest-windows.ts';
import { isTokenSlot, slotOf } from '../window-math.ts';
import { isCooling, rollSlot, slotFits, slotState, slotWait, startCooling, type Slot } from './slot.ts';
import type { LocalState, Organization, Subject } from './state.ts';

/** Dozens per request, so they are walked by number: iterators were the largest single thing that a request allocated. */
type Slots = readonly (Slot | undefined)[];

/**
 * Looks up the slots of all windows and brings them to the present, into `state.slots` in the request's order;
 * undefined where one must be seeded first. Callers give the windows of one subject together,
 * so a subject is usually looked up once.
 * @returns whether all of them can be checked.
 * @throws TypeError when one window is given twice: counting it twice would be wrong, and once would hide a bug.
 */
export function resolveSlots(
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
  for (let index = 0; index < request.windows.length; index++) {
    const window = request.windows[index];
    if (window === undefined) continue;
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

/** The slots in which the tokens of an admission are counted later; the list of the admission before where it is the same. */
export function tokenSlots(organization: Organization, slots: Slots): readonly Slot[] {
  const last = organization.tokenSlots;
  let count = 0;
  let isSame = true;
  for (let index = 0; index < slots.length; index++) {
    const slot = slots[index];
    if (slot === undefined || !isTokenSlot(slot.position)) continue;
    isSame &&= last[count] === slot;
    count += 1;
  }
  if (isSame && count === last.length) return last;
  const own = slots.filter((slot): slot is Slot => slot !== undefined && isTokenSlot(slot.position));
  organization.tokenSlots = own;
  return own;
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
  const counts = {
    current: (position: number) => slots[position]?.current ?? 0,
    previous: (position: number) => slots[position]?.previous ?? 0,
  };
  return tightestWindows(request, counts, nowMs);
}
