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
    throw new TypeError(`a script of the counter store answered without a number at ${index}`);
  return value;
}

/** What `turn.lua` answered to the admissions of one call. */
export interface TurnReplies {
  admission(index: number): Reply;
  /** Current and previous of every limited slot of its shape, right after an admission. */
  countsAfter(index: number): Reply;
}

export function turnReplies(replies: readonly unknown[], { shapes, shapeAt }: TurnCall): TurnReplies {
  const rows = replies.map(fromDoubles);
  const rowAt = (index: number): Reply => {
    const row = rows[index];
    if (row === undefined) throw new TypeError('a script of the counter store left an admission out');
    return row;
  };
  /** Whose requests were counted behind those of an admission, as many times as they were. */
  const countedAfter = (index: number): Shape[] => {
    const later: Shape[] = [];
    for (let at = index + 1; at < shapeAt.length; at++) {
      const [row, shape] = [rowAt(at), shapeAt[at]];
      if (shape && intAt(row, 0) === STATUS.admitted && intAt(row, 4) === 1) later.push(shape);
    }
    return later;
  };
  return {
    admission: rowAt,
    countsAfter(index) {
      const shape = shapeAt[index];
      if (shape === undefined) throw new TypeError('no such admission');
      const counts = rowAt(shapeAt.length + shapes.indexOf(shape));
      const later = countedAfter(index);
      // The script tells how they stand in the end, once for all admissions of a shape.
      return later.length === 0 ? counts : without(later, shape, counts);
    },
  };
}

function without(later: readonly Shape[], shape: Shape, counts: Reply): Reply {
  const before = Float64Array.from(counts);
  for (const [n, window] of shape.requestWindows.entries()) {
    if (window === null) continue;
    let counted = 0;
    for (const other of later) if (other === shape || other.requestWindows.includes(window)) counted += 1;
    before[2 * n] = intAt(counts, 2 * n) - counted;
  }
  return before;
}
