import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { AttemptIntent } from '@weir/contracts/attempt-record';
import type { AdmitRequest } from '@weir/counters/contract';
import { newUuid } from '@weir/kernel/ids';
import { nanoUsd } from '@weir/kernel/money';
import { createLedgerClient } from './ledger-client.ts';
import type { Metering } from './metering.ts';
import { encodeEvidence } from './record-codec.ts';
import type { MeteringSettings } from './settings.ts';
import { aClose, aHolding, anAdmission, anIntent, anOwner } from './test-attempts.ts';
import { aHome, createTestLedger, eventually, insertBudget, soon, type TestLedger } from './test-ledger.ts';
import {
  admit,
  balanceOf,
  counterOf,
  createTestMetering,
  testStores,
  type TestStore,
} from './test-metering.ts';

describe.each(testStores())('metering with the store %s', (_name, openStore) => {
  let test: TestLedger;
  let store: TestStore;
  let home: ReturnType<typeof aHome>;
  let running: Metering[];

  beforeEach(async () => {
    test = await createTestLedger();
    store = openStore();
    home = aHome();
    running = [];
  });
  afterEach(async () => {
    await Promise.all(running.map((metering) => metering.stop(soon(2_000))));
    await store.close();
    await test.drop();
    await home.remove();
  });

  async function start(
    settings: Partial<MeteringSettings> = {},
    counters = store.connect(),
  ): Promise<Metering> {
    const { mode } = store;
    const metering = createTestMetering({
      store: counters,
      mode,
      pool: test.pool,
      home: home.path,
      settings,
    });
    running.push(metering);
    await metering.start();
    return metering;
  }

  async function begin(
    { gate, meter }: Metering,
    intent: AttemptIntent,
    changes: Partial<AdmitRequest> = {},
  ): Promise<boolean> {
    const { admission, request } = await admit(gate, intent, changes);
    if (admission.kind !== 'admitted') return false;
    await meter.begin(intent, request, admission.outputCap);
    return true;
  }

  it('counts what attempts cost, exactly, before and after they are in the ledger', async () => {
    const metering = await start();
    const { gate, meter } = metering;
    const counter = counterOf(await insertBudget(test));
    const [first, second] = [anIntent(test.owner), anIntent(test.owner)];
    for (const intent of [first, second]) {
      expect(await begin(metering, intent, holding(counter, intent))).toBe(true);
    }
    const balance = () => balanceOf(gate, anIntent(test.owner), counter);
    meter.close(aClose(first));
    await eventually(async () => (await balance()).held === 1_000n);
    expect(await balance()).toEqual({ committed: 400n, held: 1_000n });
    meter.close(aClose(second, { cost: nanoUsd(1n) }));
    await eventually(async () => (await balance()).held === 0n);
    expect(await balance()).toEqual({ committed: 401n, held: 0n });
    await meter.drain(soon());
    const closes = (await test.rows()).filter((row) => row.class === 'close');
    expect(closes.map((row) => row.attempt_id).toSorted()).toEqual(
      [first.attemptId, second.attemptId].toSorted(),
    );
  });

  it('seeds a flushed store with the exact position, rows no projection has seen and open attempts included', async () => {
    const metering = await start();
    const { gate, meter } = metering;
    const counter = counterOf(await insertBudget(test));
    const intents = Array.from({ length: 6 }, () => anIntent(test.owner));
    for (const intent of intents) await begin(metering, intent, holding(counter, intent));
    for (const intent of intents.slice(0, 2)) meter.close(aClose(intent));
    await meter.drain(soon());
    await store.flush();
    // These end while the store knows nothing.
    for (const intent of intents.slice(2, 4)) meter.close(aClose(intent));
    expect(await balanceOf(gate, anIntent(test.owner), counter)).toEqual({ committed: 1_600n, held: 2_000n });
    for (const intent of intents.slice(4)) meter.close(aClose(intent));
    await eventually(async () => (await balanceOf(gate, anIntent(test.owner), counter)).held === 0n);
    expect(await balanceOf(gate, anIntent(test.owner), counter)).toEqual({ committed: 2_400n, held: 0n });
  });

  it('holds what another proxy admitted a moment before a budget began to block', async () => {
    const elsewhere = await start({ intentMs: 500 });
    const here = await start();
    await begin(elsewhere, anIntent(test.owner));
    const counter = `${counterOf(await insertBudget(test))}:${Date.now()}`;
    expect(await balanceOf(here.gate, anIntent(test.owner), counter)).toEqual({
      committed: 0n,
      held: 1_000n,
    });
  });

  it('never lets committed and held exceed the limit, flushed amid 500 concurrent attempts', async () => {
    const proxies = store.mode === 'redis' ? [await start(), await start(), await start()] : [await start()];
    const budgetId = await insertBudget(test);
    const counter = counterOf(budgetId);
    const limit = 100_000n;
    // What the provider could bill by now: attempts that run count with their hold, ended ones with their cost.
    let exposed = 0n;
    let highest = 0n;
    let admitted = 0;
    const attempt = async (index: number): Promise<void> => {
      const metering = proxies[index % proxies.length] ?? (await start());
      await delay((index % 50) * 12);
      const intent = anIntent(test.owner);
      if (!(await begin(metering, intent, { holdings: [aHolding(counter, limit, intent)] }))) return;
      admitted++;
      exposed += intent.holdCost;
      highest = exposed > highest ? exposed : highest;
      await delay(20 + (index % 7) * 60);
      const cost = nanoUsd(BigInt(index % 1_000));
      exposed += cost - intent.holdCost;
      metering.meter.close(aClose(intent, { cost }));
    };
    const attempts = Array.from({ length: 500 }, (_, index) => attempt(index));
    await delay(250);
    await store.flush();
    await Promise.all(attempts);
    for (const { meter } of proxies) await meter.drain(soon());
    expect(highest).toBeLessThanOrEqual(limit);
    expect(highest).toBeGreaterThan(limit / 2n);
    const rows = await test.rows();
    expect(rows.filter((row) => row.class === 'close')).toHaveLength(admitted);
    const spent = rows.reduce((sum, row) => sum + BigInt(row.cost), 0n);
    expect(spent).toBe(exposed);
    const probe = proxies[0] ?? (await start());
    expect(await balanceOf(probe.gate, anIntent(test.owner), counter)).toEqual({
      committed: spent,
      held: 0n,
    });
  });

  it('charges an attempt whose lease ran out, and corrects it when its settlement comes after all', async () => {
    const metering = await start();
    const { gate, meter } = metering;
    const counter = counterOf(await insertBudget(test));
    const counters = store.connect();
    const [dead, late] = [anIntent(test.owner), anIntent(test.owner)];
    for (const intent of [dead, late]) {
      const request = { ...holding(counter, intent), evidence: encodeEvidence(intent), leaseMs: 60 };
      // Admitted by a proxy that renews nothing.
      const { admission } = await admit(gate, intent, request);
      expect(admission.kind).toBe('admitted');
    }
    await eventually(
      async () => (await test.rows()).filter((row) => row.kind === 'provisional').length === 2,
    );
    await eventually(async () => (await counters.expired(0, 100)).length === 0);
    expect(await balanceOf(gate, anIntent(test.owner), counter)).toEqual({ committed: 2_000n, held: 0n });
    meter.close(aClose(late));
    await meter.drain(soon());
    await eventually(async () => (await balanceOf(gate, anIntent(test.owner), counter)).committed === 1_400n);
    const rows = (await test.rows()).filter((row) => row.attempt_id === late.attemptId);
    expect(rows.map((row) => [row.kind, row.cost, row.status])).toEqual([
      ['intent', '0', null],
      ['provisional', '1000', 'UNKNOWN'],
      ['adjusted', '-600', 'SUCCESS'],
    ]);
  });

  it('charges a clamped attempt that only the store knows of with the cap that was granted', async () => {
    const { gate } = await start();
    const counter = counterOf(await insertBudget(test));
    const intent = anIntent(test.owner, { holdCost: nanoUsd(100n + 5n * 1_000n), holdTokens: 1_100 });
    const bound = { outputCap: 1_000, costPerOutputToken: 5n, tokensPerOutputToken: 1 };
    const { admission } = await admit(gate, intent, {
      holdings: [{ counter, metric: 'COST', limit: 1_100n, fixed: 100n, perOutputToken: 5n }],
      outputCap: 1_000,
      outputCapMin: 1,
      leaseMs: 50,
      evidence: encodeEvidence(intent, bound),
    });
    expect(admission).toMatchObject({ kind: 'admitted', outputCap: 200 });
    await eventually(async () => (await test.rows()).length === 2);
    expect((await test.rows()).map((row) => [row.kind, row.cost])).toEqual([
      ['intent', '0'],
      ['provisional', '1100'],
    ]);
  });

  it('renews leases of running attempts, so that no sweep takes them for lost', async () => {
    const counters = store.connect();
    let renewals = 0;
    const metering = await start(undefined, {
      ...counters,
      async renew(...call) {
        const lost = await counters.renew(...call);
        renewals++;
        return lost;
      },
    });
    const intent = anIntent(test.owner);
    const counter = counterOf(await insertBudget(test));
    // It is renewed at half of its life, so after three times it would be over.
    await begin(metering, intent, { ...holding(counter, intent), leaseMs: 2_000 });
    await eventually(() => renewals >= 3);
    metering.meter.close(aClose(intent));
    await metering.meter.drain(soon());
    expect((await test.rows()).map((row) => row.kind)).toEqual(['intent', 'settled']);
  });

  it('gives up an open intent that neither a proxy nor the store knows, and no other', async () => {
    const lost = anIntent(test.owner);
    const streaming = anIntent(test.owner);
    const ledger = createLedgerClient(test.pool, 5_000);
    await ledger.append([lost, streaming]);
    // Another proxy streams it and renews its lease.
    const counters = store.connect();
    await counters.reassert(anAdmission(streaming), null);
    const renewal = setInterval(() => {
      void counters.renew(test.owner.organizationId, [streaming.attemptId], 60_000);
    }, 20);
    await start({ leaseMs: 100 });
    const provisional = async () => (await test.rows()).filter((row) => row.kind === 'provisional');
    await eventually(async () => (await provisional()).length > 0);
    await delay(400);
    clearInterval(renewal);
    expect((await provisional()).map((row) => row.attempt_id)).toEqual([lost.attemptId]);
  });

  it('reads windows from the ledger for a store that has lost them', async () => {
    const metering = await start();
    const window = {
      subject: `key:${test.owner.apiKeyId}`,
      metric: 'requests',
      window: 'day',
      limit: 3,
    } as const;
    for (let index = 0; index < 2; index++) {
      const intent = anIntent(test.owner);
      await begin(metering, intent, { windows: [window] });
      metering.meter.close(aClose(intent));
    }
    await metering.meter.drain(soon());
    await store.flush();
    expect(await begin(metering, anIntent(test.owner), { windows: [window] })).toBe(true);
    expect(await begin(metering, anIntent(test.owner), { windows: [window] })).toBe(false);
    const other = { ...window, subject: `key:${newUuid()}` };
    expect(await begin(metering, anIntent(anOwner()), { windows: [other] })).toBe(true);
  });

  function holding(counter: string, intent: AttemptIntent): Partial<AdmitRequest> {
    return { holdings: [aHolding(counter, 1_000_000n, intent)] };
  }
});
