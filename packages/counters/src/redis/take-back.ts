import type { Uuid } from '@weir/kernel/ids';

/**
 * Takes admissions back whose answer never came. The request was refused, so whatever Redis may have done for it must
 * not stay: a forgotten hold would be charged when its lease ends. Settling with nothing releases it, and should the
 * admission arrive after the settlement, the function finds the attempt ended. Tried again until Redis answers; beyond
 * the bound the oldest is left to its lease and the sweeper.
 */
export interface TakeBack {
  add(organizationId: Uuid, attemptId: Uuid): void;
  close(): void;
}

const REMEMBERED = 10_000;
const AT_ONCE = 50;

export function createTakeBack(
  release: (organizationId: Uuid, attemptId: Uuid) => Promise<unknown>,
  retryMs: number,
): TakeBack {
  const doubtful = new Map<Uuid, Uuid>();
  let timer: NodeJS.Timeout | undefined;

  const schedule = (): void => {
    timer ??= setTimeout(() => {
      timer = undefined;
      void run();
    }, retryMs).unref();
  };

  const run = async (): Promise<void> => {
    try {
      while (doubtful.size > 0) {
        const batch = [...doubtful.entries()].slice(0, AT_ONCE);
        await Promise.all(batch.map(([attemptId, organizationId]) => release(organizationId, attemptId)));
        for (const [attemptId] of batch) doubtful.delete(attemptId);
      }
    } catch {
      // Redis is still away; what is left is tried again.
      schedule();
    }
  };

  return {
    add(organizationId, attemptId) {
      for (const oldest of doubtful.keys()) {
        if (doubtful.size < REMEMBERED) break;
        doubtful.delete(oldest);
      }
      doubtful.set(attemptId, organizationId);
      schedule();
    },
    close() {
      clearTimeout(timer);
      doubtful.clear();
    },
  };
}
