/**
 * A bounded queue between a source that pushes and one subscriber that pulls. When the subscriber is too slow the
 * oldest event is dropped and counted: a subscriber of alerts wants the latest state and can ask for what it missed.
 */
export interface EventQueue<T> extends AsyncGenerator<T, undefined, undefined> {
  /** Ignored after the end. */
  push(event: T): void;
  /** The subscriber still receives what is queued, then the stream completes. */
  end(): void;
  /** As `end`, but the stream then fails with the error. */
  fail(error: unknown): void;
}

export interface EventQueueOptions {
  /** Events held for the subscriber; at least 1. */
  readonly capacity: number;
  /** Called for each event dropped. */
  onDrop?(): void;
  /** Called exactly once, when the subscriber leaves or the queue ends: release the source here. */
  onClose?(): void;
}

type State =
  | { readonly kind: 'open' }
  | { readonly kind: 'ended' }
  | { readonly kind: 'failed'; readonly error: unknown };

interface Waiter<T> {
  resolve(result: IteratorResult<T, undefined>): void;
  reject(error: unknown): void;
}

const DONE = { done: true, value: undefined } as const;

export function createEventQueue<T extends object>(options: EventQueueOptions): EventQueue<T> {
  const { capacity, onDrop, onClose } = options;
  const events: T[] = [];
  const waiters: Waiter<T>[] = [];
  let state: State = { kind: 'open' };

  const close = (next: State): void => {
    if (state.kind !== 'open') return;
    state = next;
    onClose?.();
    for (const waiter of waiters.splice(0)) settle(waiter);
  };
  const settle = (waiter: Waiter<T>): void => {
    if (state.kind !== 'failed') return waiter.resolve(DONE);
    const { error } = state;
    // A stream fails once; whoever asks again is told that it is over.
    state = { kind: 'ended' };
    waiter.reject(error);
  };
  const push = (event: T): void => {
    if (state.kind !== 'open') return;
    const waiter = waiters.shift();
    if (waiter) return waiter.resolve({ done: false, value: event });
    if (events.length >= capacity) {
      events.shift();
      onDrop?.();
    }
    events.push(event);
  };
  const next = (): Promise<IteratorResult<T, undefined>> => {
    const [event] = events;
    if (events.length > 0 && event !== undefined) {
      events.shift();
      return Promise.resolve({ done: false, value: event });
    }
    return new Promise((resolve, reject) => {
      const waiter = { resolve, reject };
      if (state.kind === 'open') waiters.push(waiter);
      else settle(waiter);
    });
  };
  // Leaving takes effect at once, also while a `next` is pending; an async generator function would wait for it.
  const leave = (): Promise<IteratorResult<T, undefined>> => {
    events.length = 0;
    close({ kind: 'ended' });
    return Promise.resolve(DONE);
  };

  return {
    push,
    end: () => close({ kind: 'ended' }),
    fail: (error) => close({ kind: 'failed', error }),
    next,
    return: leave,
    throw: async (error: unknown) => {
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
