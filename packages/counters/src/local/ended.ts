import type { Uuid } from '@weir/kernel/ids';
import type { Attempt } from './state.ts';

/**
 * Remembers ended attempts, so that a second settlement can replace the first: for half an hour to an hour, and at
 * most ten thousand, the oldest forgotten first. After that the same settlement again still changes nothing, because an
 * attempt that is not known has no charges; only a different one, which follows when an attempt was given up by mistake,
 * would change Postgres alone. Each costs more than a kilobyte, so ten thousand are what memory is worth here.
 *
 * Two generations instead of one queue, because a Map whose oldest entries are deleted one by one gets slow to find
 * the next oldest.
 */
export interface Ended {
  get(id: Uuid): Attempt | undefined;
  add(attempt: Attempt): void;
  /** Forgets what is too old. */
  sweep(nowMs: number): void;
  size(): number;
}

const GENERATION_MS = 1_800_000;
const GENERATION_SIZE = 5_000;

export function createEnded(): Ended {
  let young = new Map<Uuid, Attempt>();
  let old = new Map<Uuid, Attempt>();
  let bornMs = Number.NEGATIVE_INFINITY;
  /** No id beyond it was ever added. Ids sort by their time, so a new attempt is known to be none without a look-up. */
  let lastId = '';

  const turn = (nowMs: number): void => {
    old = young;
    young = new Map();
    bornMs = nowMs;
  };

  return {
    get: (id) => (id > lastId ? undefined : (young.get(id) ?? old.get(id))),
    add(attempt) {
      if (attempt.id > lastId) lastId = attempt.id;
      if (young.size >= GENERATION_SIZE) turn(attempt.endedAtMs);
      young.set(attempt.id, attempt);
    },
    sweep(nowMs) {
      if (nowMs - bornMs >= GENERATION_MS) turn(nowMs);
    },
    size: () => young.size + old.size,
  };
}
