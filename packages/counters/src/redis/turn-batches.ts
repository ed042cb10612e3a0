/**
 * Gathers what one turn of the event loop asks of the store, so that it becomes one call per group: most of what a
 * settlement or an admission costs is reading and writing the balances and windows that they share.
 */
export interface TurnBatches<Item, Answer> {
  /** @returns The answer of the call that the item becomes part of, and the item's place in it. */
  add(group: string, item: Item): { readonly answer: Promise<Answer>; readonly index: number };
  /** Sends what waits, at once. */
  flush(): void;
}

export interface TurnBatchesOptions<Item, Answer> {
  /** The items of one group, in the order in which they were added. */
  readonly send: (items: readonly Item[]) => Promise<Answer>;
  /** A script holds everybody up while it runs. */
  readonly atOnce: number;
  /** What has to be sent before the items of the same turn. */
  readonly before?: () => void;
}

interface Batch<Item, Answer> {
  readonly items: Item[];
  readonly promise: Promise<Answer>;
  readonly resolve: (answer: Promise<Answer>) => void;
}

export function createTurnBatches<Item, Answer>({
  send,
  atOnce,
  before,
}: TurnBatchesOptions<Item, Answer>): TurnBatches<Item, Answer> {
  let batches = new Map<string, Batch<Item, Answer>>();

  const flush = (): void => {
    if (batches.size === 0) return;
    before?.();
    const ready = batches;
    batches = new Map();
    for (const { items, resolve } of ready.values()) resolve(send(items));
  };

  return {
    add(group, item) {
      if (batches.size === 0) setImmediate(flush);
      let batch = batches.get(group);
      if (batch === undefined) {
        batch = { items: [], ...Promise.withResolvers<Answer>() };
        batches.set(group, batch);
      }
      const added = { answer: batch.promise, index: batch.items.push(item) - 1 };
      if (batch.items.length >= atOnce) {
        before?.();
        batches.delete(group);
        batch.resolve(send(batch.items));
      }
      return added;
    },
    flush,
  };
}
