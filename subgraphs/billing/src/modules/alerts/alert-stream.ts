import type { Uuid } from '@weir/kernel/ids';
import { createWaker } from '@weir/service/waker';
import { PAGE, type AlertSource, type AlertTopic } from './alert-topic.ts';
import type { BudgetAlert } from './budget-alert.ts';

export interface AlertStream extends AsyncGenerator<BudgetAlert, undefined, undefined> {
  /** The stream fails with the error once what was asked for is answered. */
  fail(error: unknown): void;
}

const DONE = { done: true, value: undefined } as const;
/** Only a bound for a wait that is always woken: by news, by leaving, by failing. */
const WAIT_MS = 60_000;

/**
 * One subscriber: a position, and whatever comes after it. Nothing is queued for it: what the topic does not hold any
 * more is read from the database a page at a time, so a slow subscriber costs a page and loses nothing.
 * @param from The position after which to begin.
 */
export function createAlertStream(
  organizationId: Uuid,
  topic: AlertTopic,
  source: AlertSource,
  from: bigint,
  onClose: () => void,
): AlertStream {
  const waker = createWaker();
  const forget = topic.onNews(() => waker.wake());
  let position = from;
  let page: readonly BudgetAlert[] = [];
  let state: { readonly kind: 'open' | 'ended' } | { readonly kind: 'failed'; readonly error: unknown } = {
    kind: 'open',
  };

  const close = (next: typeof state): void => {
    if (state.kind !== 'open') return;
    state = next;
    page = [];
    forget();
    onClose();
    waker.wake();
  };
  const deliver = (alert: BudgetAlert): IteratorYieldResult<BudgetAlert> => {
    position = alert.seq;
    return { done: false, value: alert };
  };
  /** The next alert that is there already. */
  const take = async (): Promise<BudgetAlert | undefined> => {
    const [first, ...rest] = page;
    if (first) {
      page = rest;
      return first;
    }
    if (position >= topic.floor) return topic.recentAfter(position);
    const [next, ...following] = await source.after(organizationId, position, PAGE);
    page = following;
    // Nothing older is left in the database (retention), so go on with what the topic holds.
    return next ?? topic.recentAfter(position);
  };
  const isOpen = (): boolean => state.kind === 'open';
  const next = async (): Promise<IteratorResult<BudgetAlert, undefined>> => {
    while (isOpen()) {
      waker.clear();
      try {
        const alert = await take();
        // Leaving while a page is read wins over its first alert.
        if (alert && isOpen()) return deliver(alert);
      } catch (error) {
        // The subscriber comes again with the last id it has, and misses nothing.
        close({ kind: 'failed', error });
      }
      if (isOpen()) await waker.wait(WAIT_MS);
    }
    if (state.kind !== 'failed') return DONE;
    const { error } = state;
    state = { kind: 'ended' };
    throw error;
  };
  const leave = (): Promise<IteratorResult<BudgetAlert, undefined>> => {
    close({ kind: 'ended' });
    return Promise.resolve(DONE);
  };

  return {
    next,
    return: leave,
    fail: (error) => close({ kind: 'failed', error }),
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
