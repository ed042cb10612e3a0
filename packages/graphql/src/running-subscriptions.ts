/** A stream that its owner can end from outside, whatever its source is waiting for. */
export interface RunningSubscription<T> extends AsyncGenerator<T, undefined, undefined> {
  /** Completes the stream after one last event, if given; the source is left at once. */
  end(last?: T): void;
}

export interface RunningSubscriptions<T> {
  /**
   * The stream to hand to the subscriber in place of the source. Pull it sequentially, as `for await` does.
   * @param onClose Called exactly once, when the subscriber has left or has been told that the stream is over.
   */
  run(source: AsyncIterable<T>, onClose?: () => void): RunningSubscription<T>;
  count(): number;
  /** Ends every stream and resolves when each subscriber has been told. */
  endAll(last?: T): Promise<void>;
}

interface Pull<T> {
  resolve(result: IteratorResult<T, undefined>): void;
}

const DONE = { done: true, value: undefined } as const;

function runningSubscription<T>(source: AsyncIterable<T>, onTold: () => void): RunningSubscription<T> {
  const iterator = source[Symbol.asyncIterator]();
  const lastEvents: T[] = [];
  let isOpen = true;
  let pending: Pull<T> | undefined;

  const leaveSource = (): void => {
    isOpen = false;
    // The source's own failure to close concerns nobody here: the stream is over either way.
    void Promise.resolve(iterator.return?.()).catch(() => undefined);
  };
  const afterEnd = (): IteratorResult<T, undefined> => {
    const [last] = lastEvents.splice(0, 1);
    if (last !== undefined) return { done: false, value: last };
    onTold();
    return DONE;
  };
  const pull = (): Promise<IteratorResult<T, undefined>> =>
    new Promise((resolve, reject) => {
      const mine = { resolve };
      pending = mine;
      iterator.next().then(
        (result) => {
          if (pending !== mine) return;
          pending = undefined;
          if (result.done !== true) return resolve({ done: false, value: result.value });
          isOpen = false;
          resolve(afterEnd());
        },
        (error: unknown) => {
          if (pending !== mine) return;
          pending = undefined;
          isOpen = false;
          onTold();
          reject(error instanceof Error ? error : new Error(String(error)));
        },
      );
    });
  const leave = (): Promise<IteratorResult<T, undefined>> => {
    if (isOpen) leaveSource();
    lastEvents.length = 0;
    pending?.resolve(DONE);
    pending = undefined;
    onTold();
    return Promise.resolve(DONE);
  };

  return {
    next: () => (isOpen ? pull() : Promise.resolve(afterEnd())),
    end(last) {
      if (!isOpen) return;
      if (last !== undefined) lastEvents.push(last);
      leaveSource();
      const waiting = pending;
      pending = undefined;
      waiting?.resolve(afterEnd());
    },
    return: leave,
    async throw(error: unknown) {
      await leave();
      throw error;
    },
    [Symbol.asyncIterator]() {
      return this;
    },
    async [Symbol.asyncDispose]() {
      await leave();
    },
  };
}

export function createRunningSubscriptions<T extends object>(): RunningSubscriptions<T> {
  const running = new Set<RunningSubscription<T>>();
  let whenEmpty: (() => void) | undefined;
  return {
    run(source, onClose) {
      const subscription = runningSubscription<T>(source, () => {
        if (!running.delete(subscription)) return;
        onClose?.();
        if (running.size === 0) whenEmpty?.();
      });
      running.add(subscription);
      return subscription;
    },
    count: () => running.size,
    async endAll(last) {
      if (running.size === 0) return;
      const told = new Promise<void>((resolve) => {
        whenEmpty = resolve;
      });
      for (const subscription of [...running]) subscription.end(last);
      await told;
    },
  };
}
