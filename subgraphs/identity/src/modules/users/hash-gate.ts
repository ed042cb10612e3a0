import { AppError } from '@weir/kernel/errors';

export interface GateLimits {
  readonly runningMax: number;
  /** Whoever comes when so many wait is turned away. */
  readonly waitingMax: number;
}

/** Runs some work at a time and lets the rest wait in the order it came. */
export type Gate = <T>(work: () => Promise<T>) => Promise<T>;

/** @throws AppError RATE_LIMITED, from the gate, when too many are waiting. */
export function createGate({ runningMax, waitingMax }: GateLimits): Gate {
  const waiting: (() => void)[] = [];
  let running = 0;
  return async (work) => {
    if (running < runningMax) {
      running += 1;
    } else {
      if (waiting.length >= waitingMax) {
        throw new AppError('RATE_LIMITED', 'Too many are signing in at the moment.', {
          retryAfterSeconds: 1,
        });
      }
      // Whoever leaves hands its place on, so `running` stays as it is.
      await new Promise<void>((resolve) => waiting.push(resolve));
    }
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      if (next) next();
      else running -= 1;
    }
  };
}
