import type { Clock } from '@weir/kernel/clock';
import { RenewedMap } from '@weir/kernel/renewed-map';
import type { CounterStore, CountersAtOnce } from '../contract.ts';
import { admit } from './admit.ts';
import { createEnded } from './ended.ts';
import { inspect } from './inspect.ts';
import { expired, reassert, renew } from './leases.ts';
import { seed } from './seed.ts';
import { conclude, settle } from './settle.ts';
import type { LocalState } from './state.ts';
import { createSweep } from './sweep.ts';

export interface LocalCounterStoreOptions {
  readonly clock: Clock;
  /** 0 by default: no other proxy shares this store, so there is nobody to wait for. */
  readonly seedQuarantineMs?: number;
}

/**
 * The counter store of a single proxy, in its own memory. Every call runs to its end without yielding, which makes it
 * atomic; the promises are only the contract's form. Memory is bounded (`sweep.ts`).
 */
export function createLocalCounterStore({
  clock,
  seedQuarantineMs = 0,
}: LocalCounterStoreOptions): CounterStore {
  const state: LocalState = {
    organizations: new Map(),
    live: new RenewedMap(),
    ended: createEnded(),
    unconcluded: new RenewedMap(),
    seedQuarantineMs,
    slots: [],
    lookups: 0,
  };
  const sweep = createSweep(state);
  const now = (): number => {
    const nowMs = Math.floor(clock.now());
    sweep(nowMs);
    return nowMs;
  };
  /** Runs at once; what the core throws becomes a rejection. */
  const answer = <T>(work: (nowMs: number) => T): Promise<T> =>
    new Promise((resolve) => {
      resolve(work(now()));
    });
  const atOnce: CountersAtOnce = {
    admit: (request) => admit(state, request, now()),
    settle(settlement) {
      settle(state, settlement, now());
    },
  };

  return Object.freeze<CounterStore>({
    atOnce,
    admit: (request) => answer((nowMs) => admit(state, request, nowMs)),
    inspect: (request) => answer((nowMs) => inspect(state, request, nowMs)),
    renew: (_organizationId, ids, leaseMs) => answer((nowMs) => renew(state, ids, leaseMs, nowMs)),
    leased: (_organizationId, ids) =>
      answer(() => ids.filter((id) => state.live.has(id) || state.unconcluded.has(id))),
    reassert: (request, outputCap) =>
      answer((nowMs) => {
        reassert(state, request, outputCap, nowMs);
      }),
    settle: (settlement) =>
      answer((nowMs) => {
        settle(state, settlement, nowMs);
      }),
    conclude: (_organizationId, ids) =>
      answer(() => {
        conclude(state, ids);
      }),
    seed: (given) =>
      answer((nowMs) => {
        seed(state, given, nowMs);
      }),
    epochs: (ids) => answer(() => new Map(ids.map((id) => [id, state.organizations.get(id)?.epoch ?? null]))),
    expired: (graceMs, limit) => answer((nowMs) => expired(state, graceMs, limit, nowMs)),
    close: () => Promise.resolve(),
  });
}
