import { Redis } from 'ioredis';
import type { Pool } from 'pg';
import { Registry } from 'prom-client';
import type { AttemptIntent } from '@weir/contracts/attempt-record';
import type { AdmitRequest, CounterStore } from '@weir/counters/contract';
import { createLocalCounterStore } from '@weir/counters/local/store';
import { createRedisCounterStore } from '@weir/counters/redis/store';
import type { Uuid } from '@weir/kernel/ids';
import { testRedisUrl } from '@weir/testkit/redis';
import type { Admission, AdmissionGate } from './contract.ts';
import { createMetering, type Metering } from './metering.ts';
import type { MeteringSettings } from './settings.ts';
import { anAdmission } from './test-attempts.ts';
import { silent, soon } from './test-ledger.ts';

const clock = { now: () => Date.now() };

/** A counter store that a test can flush. */
export interface TestStore {
  readonly mode: 'local' | 'redis';
  /** What one more proxy uses. */
  connect(url?: string): CounterStore;
  flush(): Promise<void>;
  close(): Promise<void>;
}

export function createLocalTestStore(seedQuarantineMs = 200): TestStore {
  const open = () => createLocalCounterStore({ clock, seedQuarantineMs });
  let store = open();
  const through: CounterStore = {
    admit: (request) => store.admit(request),
    inspect: (request) => store.inspect(request),
    renew: (organizationId, ids, leaseMs) => store.renew(organizationId, ids, leaseMs),
    leased: (organizationId, ids) => store.leased(organizationId, ids),
    reassert: (request, outputCap) => store.reassert(request, outputCap),
    settle: (settlement) => store.settle(settlement),
    conclude: (organizationId, ids) => store.conclude(organizationId, ids),
    seed: (seed) => store.seed(seed),
    epochs: (ids) => store.epochs(ids),
    expired: (graceMs, limit) => store.expired(graceMs, limit),
    close: () => Promise.resolve(),
  };
  return {
    mode: 'local',
    connect: () => through,
    flush() {
      store = open();
      return Promise.resolve();
    },
    close: () => store.close(),
  };
}

export function createRedisTestStore(url: string, seedQuarantineMs = 200): TestStore {
  const prefix = `test-${crypto.randomUUID()}`;
  const redis = new Redis(url);
  const stores: CounterStore[] = [];
  const flush = async (): Promise<void> => {
    const keys = await redis.keys(`${prefix}:*`);
    if (keys.length > 0) await redis.unlink(...keys);
  };
  return {
    mode: 'redis',
    connect(through) {
      // Only who takes the connection away wants to be told soon; a busy machine may take its time to answer.
      const timeoutMs = through === undefined ? 10_000 : 500;
      const store = createRedisCounterStore({ url: through ?? url, prefix, seedQuarantineMs, timeoutMs });
      stores.push(store);
      return store;
    },
    flush,
    async close() {
      await Promise.all(stores.map((store) => store.close()));
      await flush();
      await redis.quit();
    },
  };
}

/** The stores that are there to be tested. */
export function testStores(): readonly (readonly [string, () => TestStore])[] {
  const url = testRedisUrl();
  const local = ['in process', () => createLocalTestStore()] as const;
  return url === undefined ? [local] : [local, ['on Redis', () => createRedisTestStore(url)]];
}

export interface TestMeteringOptions {
  readonly store: CounterStore;
  readonly mode: 'local' | 'redis';
  readonly pool: Pool;
  readonly home: string;
  readonly settings?: Partial<MeteringSettings>;
}

export function createTestMetering({ settings, ...options }: TestMeteringOptions): Metering {
  return createMetering({
    ...options,
    clock,
    log: silent,
    registry: new Registry(),
    settings: {
      epochPollMs: 40,
      sweepMs: 40,
      sweepGraceMs: 0,
      spillAfterMs: 50,
      queryTimeoutMs: 2_000,
      ...settings,
    },
  });
}

/** Admits an attempt as the request path does; the request is the one that was admitted. */
export async function admit(
  gate: AdmissionGate,
  intent: AttemptIntent,
  changes: Partial<AdmitRequest> = {},
): Promise<{ readonly admission: Admission; readonly request: AdmitRequest }> {
  let request = anAdmission(intent, changes);
  const admission = await gate.admit((nowMs) => {
    request = anAdmission({ ...intent, admittedAtMs: nowMs }, changes);
    return request;
  }, soon);
  return { admission, request };
}

/** Reads a COST balance by asking for more than a limit below zero allows. */
export async function balanceOf(
  gate: AdmissionGate,
  probe: AttemptIntent,
  counter: string,
): Promise<{ readonly committed: bigint; readonly held: bigint }> {
  const holding = { counter, metric: 'COST', limit: -1n, fixed: 0n, perOutputToken: 0n } as const;
  const { admission } = await admit(gate, probe, { holdings: [holding] });
  if (admission.kind !== 'denied' || admission.reason !== 'holding')
    throw new Error(`no balance: ${admission.kind}`);
  return { committed: admission.committed, held: admission.held };
}

/** The counter of a budget whose period is the present UTC day. */
export function counterOf(budgetId: Uuid): string {
  const dayMs = 86_400_000;
  return `bud:${budgetId}:${Math.floor(Date.now() / dayMs) * dayMs}`;
}
