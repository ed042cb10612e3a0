import { fromDoubles } from './doubles.ts';
import type { Shape } from './shape.ts';
import type { TurnCall } from './turn-call.ts';

/** First member of what `turn.lua` answers to an admission; the second is the store's time. */
export const STATUS = {
  admitted: 1,
  window: 2,
  concurrency: 3,
  holding: 4,
  unseeded: 5,
  stale: 6,
  withdrawn: 7,
  inspected: 8,
} as const;

export type Reply = Readonly<Float64Array>;

export function intAt(reply: Reply, index: number): number {
  const value = reply[index];
  if (value === undefined)
    throw new TypeError(`a function of the counter store answered without a number at ${index}`);
  return value;
}

/** What `turn.lua` answered to the admissions of one call. */
export interface TurnReplies {
  admission(index: number): Reply;
  /** Current and previous of every limited slot of its shape, right after an admission. */
  countsAfter(index: number): Reply;
}

/** @throws TypeError when it is no answer of `turn.lua`. */
export function replyRows(reply: unknown): Reply[] {
  const numbers = fromDoubles(reply);
  const rows: Reply[] = [];
  for (let at = 0; at < numbers.length;) {
    const end = at + 1 + intAt(numbers, at);
    rows.push(numbers.subarray(at + 1, end));
    at = end;
  }
  return rows;
}

export function turnReplies(reply: unknown, { shapes, shapeAt }: TurnCall): TurnReplies {
  const rows = replyRows(reply);
  const rowAt = (index: number): Reply => {
    const row = rows[index];
    if (row === undefined) throw new TypeError('a function of the counter store left an admission out');
    return row;
  };
  /** How many of a shape were counted behind an admission. */
  const countedAfter = (index: number, shape: Shape): number => {
    let count = 0;
    for (let at = index + 1; at < shapeAt.length; at++) {
      if (shapeAt[at] !== shape) continue;
      const row = rowAt(at);
      if (intAt(row, 0) === STATUS.admitted && intAt(row, 4) === 1) count += 1;
    }
    return count;
  };
  return {
    admission: rowAt,
    countsAfter(index) {
      const own = shapeAt[index];
      if (own === undefined) throw new TypeError('no such admission');
      // The function tells how they stand in the end, once for all admissions of a shape.
      const counts = rowAt(shapeAt.length + shapes.indexOf(own));
      let before: Float64Array | undefined;
      for (const shape of shapes) {
        const later = countedAfter(index, shape);
        if (later === 0) continue;
        before ??= counts.slice();
        takeAway(before, own, shape, later);
      }
      return before ?? counts;
    },
  };
}

/** Takes the requests of a shape away from the counts of another, or of itself. */
function takeAway(counts: Float64Array, own: Shape, shape: Shape, requests: number): void {
  for (const [n, window] of own.requestWindows.entries()) {
    if (window === null) continue;
    if (shape === own || shape.requestWindows.includes(window))
      counts[2 * n] = intAt(counts, 2 * n) - requests;
  }
}
