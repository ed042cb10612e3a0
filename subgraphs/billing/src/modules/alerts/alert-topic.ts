import type { Uuid } from '@weir/kernel/ids';
import type { BudgetAlert } from './budget-alert.ts';

/** Where alerts are read from; the feed keeps nothing that is not there. */
export interface AlertSource {
  /** At most `take` alerts of the organization after a position, in order. */
  after(organizationId: Uuid, seq: bigint, take: number): Promise<readonly BudgetAlert[]>;
  latest(organizationId: Uuid): Promise<bigint>;
}

/**
 * The latest alerts of one organization, shared by everybody in this process who watches it. It holds every alert with
 * `floor < seq ≤ last` and at most `RECENT_MAX` of them; older ones are in the database.
 */
export interface AlertTopic {
  readonly floor: bigint;
  readonly last: bigint;
  recentAfter(seq: bigint): BudgetAlert | undefined;
  /** Reads what was raised since; any number of calls while one runs count as one. Never rejects. */
  refresh(): Promise<void>;
  /** Called after new alerts arrived; the result unsubscribes. */
  onNews(listener: () => void): () => void;
  isWatched(): boolean;
}

export const PAGE = 100;
const RECENT_MAX = 256;

export async function openTopic(
  organizationId: Uuid,
  source: AlertSource,
  onError: (error: unknown) => void,
): Promise<AlertTopic> {
  const recent: BudgetAlert[] = [];
  const listeners = new Set<() => void>();
  let last = await source.latest(organizationId);
  let floor = last;
  let isStale = false;
  let reading: Promise<void> | undefined;

  const keep = (alerts: readonly BudgetAlert[]): void => {
    for (const alert of alerts) {
      recent.push(alert);
      last = alert.seq;
      if (recent.length > RECENT_MAX) floor = recent.shift()?.seq ?? floor;
    }
    if (alerts.length > 0) for (const listener of [...listeners]) listener();
  };
  const readAll = async (): Promise<void> => {
    try {
      while (isStale) {
        isStale = false;
        for (;;) {
          const alerts = await source.after(organizationId, last, PAGE);
          keep(alerts);
          if (alerts.length < PAGE) break;
        }
      }
    } catch (error) {
      // The next signal, the next connection or the slow poll reads again from the same position.
      onError(error);
    } finally {
      reading = undefined;
    }
  };

  return {
    get floor() {
      return floor;
    },
    get last() {
      return last;
    },
    recentAfter: (seq) => recent.find((alert) => alert.seq > seq),
    refresh() {
      isStale = true;
      reading ??= readAll();
      return reading;
    },
    onNews(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    isWatched: () => listeners.size > 0,
  };
}
