import type { Clock } from '@weir/kernel/clock';
import type { Logger } from '@weir/service/logger';

/**
 * Writes to the audit trail what has no transaction of its own: attempts that were refused. Whoever is refused asks as
 * often as they like, so it is bounded: beyond so many a minute they are only counted.
 */
export interface BoundedAudit {
  /**
   * Returns at once.
   * @param source Whose attempts are counted together, for example an actor's id or an address.
   * @param write Gets how many attempts of the source were left out since the last one that was written.
   */
  note(source: string, write: (leftOut: number) => Promise<void>): void;
  /** When everything that was noted is written. */
  settled(): Promise<void>;
}

export interface BoundedAuditOptions {
  readonly log: Logger;
  readonly clock: Clock;
  /** Of one source in a minute; 30 unless told. */
  readonly perSource?: number;
  /** Of all sources of this process in a minute; 600 unless told. */
  readonly perProcess?: number;
}

interface Count {
  windowStartedAtMs: number;
  written: number;
  leftOut: number;
}

const WINDOW_MS = 60_000;
const SOURCES_MAX = 10_000;
/** Waiting to be written, when the database is slow. */
const WAITING_MAX = 200;

const newCount = (nowMs: number): Count => ({ windowStartedAtMs: nowMs, written: 0, leftOut: 0 });

function isOpen(count: Count, max: number, nowMs: number): boolean {
  if (nowMs - count.windowStartedAtMs >= WINDOW_MS) {
    count.windowStartedAtMs = nowMs;
    count.written = 0;
  }
  return count.written < max;
}

export function createBoundedAudit(options: BoundedAuditOptions): BoundedAudit {
  const { log, clock, perSource = 30, perProcess = 600 } = options;
  const counts = new Map<string, Count>();
  const all = newCount(clock.now());
  let waiting = 0;
  let last = Promise.resolve();

  /** The source that was heard of first goes when there are too many. */
  function countOf(source: string, nowMs: number): Count {
    const known = counts.get(source);
    if (known) return known;
    const oldest = counts.keys().next();
    if (counts.size >= SOURCES_MAX && oldest.done !== true) counts.delete(oldest.value);
    const count = newCount(nowMs);
    counts.set(source, count);
    return count;
  }

  return {
    note(source, write) {
      const nowMs = clock.now();
      const count = countOf(source, nowMs);
      const isWritten =
        isOpen(count, perSource, nowMs) && isOpen(all, perProcess, nowMs) && waiting < WAITING_MAX;
      if (!isWritten) {
        count.leftOut += 1;
        return;
      }
      const { leftOut } = count;
      count.leftOut = 0;
      count.written += 1;
      all.written += 1;
      waiting += 1;
      last = last
        .then(() => write(leftOut))
        .catch((err: unknown) => log.warn({ err }, 'a refused attempt is missing in the audit trail'))
        .finally(() => {
          waiting -= 1;
        });
    },
    settled: () => last,
  };
}
