/**
 * One waiter that can be woken early. A wake while nobody waits is remembered, so a signal that arrives between
 * "nothing to do" and the wait is never missed; any number of wakes before the next wait count as one.
 */
export interface Waker {
  wake(): void;
  /** Forgets earlier wakes: call it before looking for work, never after. */
  clear(): void;
  /** Resolves at the next wake, at once when one is remembered, with true; with false after `maxMs` without any. */
  wait(maxMs: number): Promise<boolean>;
}

export function createWaker(): Waker {
  let isPending = false;
  let release: (() => void) | undefined;
  return {
    wake() {
      isPending = true;
      release?.();
    },
    clear() {
      isPending = false;
    },
    async wait(maxMs) {
      if (!isPending) {
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, maxMs);
          release = () => {
            clearTimeout(timer);
            resolve();
          };
        });
        release = undefined;
      }
      const isWoken = isPending;
      isPending = false;
      return isWoken;
    },
  };
}
