import { describe, expect, it } from 'vitest';
import { Registry } from 'prom-client';
import { createLocalCounterStore } from '@weir/counters/local/store';
import { newUuid } from '@weir/kernel/ids';
import { createGate, type Gate } from './gate.ts';
import type { LedgerClient } from './ledger-client.ts';
import { createMeteringMetrics } from './metrics.ts';
import { createSeeder } from './seeder.ts';
import { aHolding, anAdmission, anIntent, anOwner } from './test-attempts.ts';

const DAY_MS = 86_400_000;
const NOON = Date.UTC(2026, 0, 15, 12);
const owner = anOwner();

/** A gate whose store lives `aheadMs` later than it does, over a ledger that counts how often it is read. */
function aGate(aheadMs = 0, read: () => Promise<void> = () => Promise.resolve()) {
  const reads = { positions: 0, windows: 0 };
  const unused = () => Promise.reject(new Error('not asked here'));
  const ledger: LedgerClient = {
    append: unused,
    totals: unused,
    doubtful: unused,
    closeProvisionally: unused,
    followOpenAttempts: unused,
    ensurePartitions: unused,
    creditPositions: unused,
    async positions(queries) {
      reads.positions++;
      await read();
      return queries.map(() => ({ metric: 'COST', committed: 40n, open: [], closed: [] }));
    },
    async windowCounts({ windows }) {
      reads.windows++;
      await read();
      return windows.map(() => ({ current: 1, previous: 0 }));
    },
  };
  const store = createLocalCounterStore({ clock: { now: () => NOON + aheadMs } });
  const metrics = createMeteringMetrics(new Registry());
  const isRecorded = () => Promise.resolve();
  const parts = {
    store,
    ledger,
    isRecorded,
    metrics,
    emptyWindowsWithoutLedger: true,
    timeoutMs: 1_000,
    leaseMs: 60_000,
  };
  const gate = createGate({
    store,
    seeder: createSeeder(parts),
    fallback: undefined,
    clock: { now: () => NOON },
    metrics,
    failClosed: false,
    storeRetryMs: 500,
  });
  return { gate, reads };
}

const counter = `bud:${newUuid()}:${NOON - DAY_MS / 2}`;

function ask(gate: Gate, signal = AbortSignal.timeout(5_000)) {
  const intent = anIntent(owner, { admittedAtMs: NOON });
  const window = {
    subject: `key:${owner.apiKeyId}`,
    metric: 'requests',
    window: 'minute',
    limit: 1_000,
  } as const;
  const changes = { holdings: [aHolding(counter, 100_000n, intent)], windows: [window] };
  return gate.admit(
    (nowMs) => anAdmission({ ...intent, admittedAtMs: nowMs }, changes),
    () => signal,
  );
}

describe('the gate', () => {
  it('has the request built again for the day of the store, and at once for that day from then on', async () => {
    const { gate } = aGate(DAY_MS);
    const builtFor: number[] = [];
    const admit = () => {
      const intent = anIntent(owner, { admittedAtMs: NOON });
      return gate.admit(
        (nowMs) => {
          builtFor.push(nowMs);
          return anAdmission({ ...intent, admittedAtMs: nowMs });
        },
        () => AbortSignal.timeout(5_000),
      );
    };
    expect((await admit()).kind).toBe('admitted');
    expect((await admit()).kind).toBe('admitted');
    expect(builtFor).toEqual([NOON, NOON + DAY_MS, NOON + DAY_MS]);
  });

  it('reads each lost counter once, however many requests wait for it', async () => {
    const { gate, reads } = aGate();
    const answers = await Promise.all(Array.from({ length: 50 }, async () => ask(gate)));
    expect(answers.every((answer) => answer.kind === 'admitted')).toBe(true);
    expect(reads).toEqual({ positions: 1, windows: 1 });
  });

  it('lets a request that hangs up go, and seeds for the others all the same', async () => {
    const { promise: isRead, resolve } = Promise.withResolvers<undefined>();
    const { gate, reads } = aGate(0, () => isRead);
    const gone = new AbortController();
    const reason = new Error('client gone');
    const first = ask(gate, gone.signal);
    const second = ask(gate);
    gone.abort(reason);
    await expect(first).rejects.toBe(reason);
    resolve(undefined);
    expect((await second).kind).toBe('admitted');
    expect(reads).toEqual({ positions: 1, windows: 1 });
  });

  it('refuses with a code and a time to wait when a balance cannot be read', async () => {
    const { gate } = aGate(0, () => Promise.reject(new Error('no Postgres')));
    await expect(ask(gate)).rejects.toMatchObject({ code: 'DEPENDENCY_UNAVAILABLE', retryAfterSeconds: 1 });
  });
});
