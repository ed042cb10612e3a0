import { describe } from 'vitest';
import type { CounterStore } from '../contract.ts';
import { describeCounterStore } from '../suite/counter-store-suite.ts';
import { NOON, type CreateRig } from '../suite/rig.ts';
import { createLocalCounterStore, type LocalCounterStoreOptions } from './store.ts';

type Store = (options: LocalCounterStoreOptions) => CounterStore;

/** A local store is flushed by starting anew, as its process would. */
const rigOf =
  (create: Store): CreateRig =>
  (options) => {
    const clock = { nowMs: NOON };
    const fresh = (): CounterStore => create({ ...options, clock: { now: () => clock.nowMs } });
    let store = fresh();
    return Promise.resolve({
      get store() {
        return store;
      },
      clock,
      flush: () => {
        store = fresh();
        return Promise.resolve();
      },
      close: () => store.close(),
    });
  };

const askedAtOnce: Store = (options) => {
  const store = createLocalCounterStore(options);
  const { atOnce } = store;
  if (!atOnce) throw new Error('counters in this process answer at once');
  return {
    ...store,
    admit: (request) =>
      new Promise((resolve) => {
        resolve(atOnce.admit(request));
      }),
    settle: (settlement) =>
      new Promise((resolve) => {
        atOnce.settle(settlement);
        resolve();
      }),
  };
};

describe('local counter store', () => {
  describeCounterStore(rigOf(createLocalCounterStore), 300);
});

describe('local counter store, asked at once', () => {
  describeCounterStore(rigOf(askedAtOnce), 300);
});
