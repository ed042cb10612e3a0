import type { AdmitRequest, Holding, WindowLimit } from '../contract.ts';
import { toLimit } from '../amount.ts';
import { isTokenSlot, SLOT_COUNT, slotOf } from '../window-math.ts';
import { NONE } from './doubles.ts';

/** How the functions write the metric of a balance. */
export const METRIC_CODES = { COST: 1, TOKENS: 2, REQUESTS: 3 } as const satisfies Record<
  Holding['metric'],
  number
>;

/**
 * What admissions through one policy have in common: their windows, lanes of concurrency and balances, as the functions
 * want them.
 */
export interface Shape {
  /** The order in which the function tells windows: positions in the request. */
  readonly positions: readonly number[];
  /** In the same order: which window it is where it counts requests, null where it counts tokens. */
  readonly requestWindows: readonly (string | null)[];
  /** JSON: subjects of windows with their slots of tokens (numbered from 1), and those of concurrency; see `lib.lua`. */
  readonly chain: string;
  /** JSON: limits and balances; see `turn/admissions.lua`. */
  readonly terms: string;
}

type Shaped = Pick<AdmitRequest, 'windows' | 'concurrency' | 'holdings'>;

interface Known extends Pick<Shaped, 'concurrency' | 'holdings'> {
  readonly shape: Shape;
}

/** A route asks for the same windows with every request, and nearly always for the same of the rest. */
const known = new WeakMap<readonly WindowLimit[], Known>();

/** @throws TypeError when a window or a balance is given twice. */
export function shapeOf(request: Shaped): Shape {
  const { windows, concurrency, holdings } = request;
  const before = known.get(windows);
  if (before?.concurrency === concurrency && areSameBalances(before.holdings, holdings)) return before.shape;
  const shape = newShape(request);
  known.set(windows, { concurrency, holdings, shape });
  return shape;
}

function areSameBalances(ones: readonly Holding[], others: readonly Holding[]): boolean {
  if (ones.length !== others.length) return false;
  for (let index = 0; index < ones.length; index++) {
    const [one, other] = [ones[index], others[index]];
    if (
      one?.counter !== other?.counter ||
      one?.limit !== other?.limit ||
      one?.metric !== other?.metric ||
      one?.graceMs !== other?.graceMs
    )
      return false;
  }
  return true;
}

function newShape({ windows, concurrency, holdings }: Shaped): Shape {
  const bySubject = slotsBySubject(windows);
  const slots = [...bySubject.values()].flat();
  const positions = slots.filter((at) => at !== undefined);
  const subjects = [...bySubject].map(([subject, positions]) => [subject, tokenSlots(positions)]);
  const counters = holdings.map(({ counter }) => counter);
  const twice = counters.find((counter, index) => counters.indexOf(counter) !== index);
  if (twice !== undefined) throw new TypeError(`${twice} is given twice`);
  const limits = slots.map((at) => (at === undefined ? NONE : Math.max(0, windows[at]?.limit ?? 0)));
  const lanes = concurrency.map(({ limit }) => limit);
  const balances = holdings.map(({ counter, limit, metric, graceMs }) => [
    counter,
    toLimit(limit),
    METRIC_CODES[metric],
    graceMs ?? 0,
  ]);
  return {
    positions,
    requestWindows: positions.map((at) => requestWindow(windows[at])),
    chain: JSON.stringify([subjects, concurrency.map(({ subject }) => subject)]),
    terms: JSON.stringify([limits, lanes, balances]),
  };
}

/** Positions of windows, by subject and slot. */
function slotsBySubject(windows: readonly WindowLimit[]): Map<string, (number | undefined)[]> {
  const bySubject = new Map<string, (number | undefined)[]>();
  for (const [position, { subject, metric, window }] of windows.entries()) {
    let slots = bySubject.get(subject);
    if (slots === undefined) {
      slots = new Array<number | undefined>(SLOT_COUNT).fill(undefined);
      bySubject.set(subject, slots);
    }
    const slot = slotOf(metric, window);
    if (slots[slot] !== undefined) throw new TypeError(`${subject} has a window that is given twice`);
    slots[slot] = position;
  }
  return bySubject;
}

function tokenSlots(positions: readonly (number | undefined)[]): number[] {
  return positions.flatMap((position, slot) =>
    position !== undefined && isTokenSlot(slot) ? [slot + 1] : [],
  );
}

function requestWindow(window: WindowLimit | undefined): string | null {
  return window?.metric === 'requests' ? `${window.window} ${window.subject}` : null;
}
