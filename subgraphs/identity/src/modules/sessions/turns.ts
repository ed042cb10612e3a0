import { AppError } from '@weir/kernel/errors';

/** Whoever comes when so many wait for the same key is turned away. */
const WAITING_MAX = 20;

/** Runs work of one key after the other; work of different keys runs side by side. */
export type Turns = <T>(key: string, work: () => Promise<T>) => Promise<T>;

/**
 * Guesses at one password must be counted before the next is tried, or a hundred at once would count as one.
 * @throws AppError RATE_LIMITED, from the turns, when too many wait for the same key.
 */
export function createTurns(): Turns {
  const lines = new Map<string, { last: Promise<unknown>; length: number }>();
  return (key, work) => {
    const line = lines.get(key) ?? { last: Promise.resolve(), length: 0 };
    if (line.length > WAITING_MAX) {
      throw new AppError('RATE_LIMITED', 'Too many attempts at once for this address.', {
        retryAfterSeconds: 1,
      });
    }
    lines.set(key, line);
    line.length += 1;
    const turn = line.last.then(work).finally(() => {
      line.length -= 1;
      if (line.length === 0) lines.delete(key);
    });
    line.last = turn.catch(() => undefined);
    return turn;
  };
}
