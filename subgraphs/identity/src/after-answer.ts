import { AppError } from '@weir/kernel/errors';
import type { Logger } from '@weir/service/logger';

/**
 * Does work after the request was answered, so that the time of the answer says nothing of what there was to do. Work
 * that fails is logged; work that has not begun when the process dies is lost, so only what people can ask for again
 * belongs here.
 */
export interface AfterAnswer {
  /** @throws AppError RATE_LIMITED when too much waits. */
  run(work: () => Promise<void>): void;
  /** Resolves when everything is done. */
  stop(): Promise<void>;
}

const WAITING_MAX = 500;

export function createAfterAnswer(log: Logger): AfterAnswer {
  let last = Promise.resolve();
  let waiting = 0;
  return {
    run(work) {
      if (waiting >= WAITING_MAX) {
        throw new AppError('RATE_LIMITED', 'Too much is asked for at the moment. Try again shortly.', {
          retryAfterSeconds: 1,
        });
      }
      waiting += 1;
      // One after the other: strangers can ask for any of it, and it must not crowd out those who are served.
      last = last
        .then(work)
        .catch((err: unknown) => log.error({ err }, 'work after an answer failed'))
        .finally(() => {
          waiting -= 1;
        });
    },
    stop: () => last,
  };
}
