import { describe } from 'vitest';
import type { CounterStore } from '../contract.ts';
import { describeCounterStore } from '../suite/counter-store-suite.ts';
import { NOON, type CreateRig } from '../suite/rig.ts';
import { createLocalCounterStore } from './store.ts';

/** A local store is flushed by starting anew, as its process would. */
const createRig: CreateRig = (options) => {
  const clock = { nowMs: NOON };
  const fresh = (): CounterStore =>
    createLocalCounterStore({ ...options, clock: { now: () => clock.nowMs } });
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

describe('local counter store', () => {
  describeCounterStore(createRig, 300);
});
