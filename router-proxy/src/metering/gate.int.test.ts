import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AppError } from '@weir/kernel/errors';
import { testRedisUrl } from '@weir/testkit/redis';
import type { Metering } from './metering.ts';
import { aClose, aHolding, anIntent } from './test-attempts.ts';
import { aHome, createTestLedger, eventually, insertBudget, soon, type TestLedger } from './test-ledger.ts';
import { createTestLink, type TestLink } from './test-link.ts';
import {
  admit,
  counterOf,
  createRedisTestStore,
  createTestMetering,
  type TestStore,
} from './test-metering.ts';

const redisUrl = testRedisUrl();

describe.skipIf(redisUrl === undefined)('the gate while Redis is away', () => {
  let test: TestLedger;
  let store: TestStore;
  let link: TestLink;
  let home: ReturnType<typeof aHome>;
  let metering: Metering;

  beforeEach(async () => {
    test = await createTestLedger();
    store = createRedisTestStore(redisUrl ?? '');
    link = await createTestLink(redisUrl ?? '');
    home = aHome();
    metering = await start(false);
  });
  afterEach(async () => {
    await metering.stop(soon(2_000));
    await store.close();
    await link.close();
    await test.drop();
    await home.remove();
  });

  async function start(failClosed: boolean): Promise<Metering> {
    const settings = { failClosed, storeRetryMs: 20 };
    const created = createTestMetering({
      store: store.connect(link.url),
      mode: 'redis',
      pool: test.pool,
      home: home.path,
      settings,
    });
    await created.start();
    await eventually(
      async () => (await admit(created.gate, anIntent(test.owner))).admission.kind === 'admitted',
    );
    return created;
  }

  const window = () =>
    ({ subject: `key:${test.owner.apiKeyId}`, metric: 'requests', window: 'minute', limit: 2 }) as const;
  const concurrency = () => [{ subject: `key:${test.owner.apiKeyId}`, limit: 1 }];

  it('refuses what must be held, and says when to try again', async () => {
    const counter = counterOf(await insertBudget(test));
    link.cut();
    const intent = anIntent(test.owner);
    const refused = admit(metering.gate, intent, { holdings: [aHolding(counter, 1_000_000n, intent)] });
    await expect(refused).rejects.toMatchObject({ code: 'DEPENDENCY_UNAVAILABLE', retryAfterSeconds: 1 });
    link.mend();
    await eventually(async () => {
      const again = anIntent(test.owner);
      const holdings = [aHolding(counter, 1_000_000n, again)];
      const answer = await admit(metering.gate, again, { holdings }).catch((error: unknown) => error);
      return !(answer instanceof AppError);
    });
  });

  it('limits everything else in process, then tells the store what runs when it is back', async () => {
    link.cut();
    const kinds: string[] = [];
    const running = anIntent(test.owner);
    const first = await admit(metering.gate, running, { windows: [window()], concurrency: concurrency() });
    await metering.meter.begin(running, first.request, null);
    for (let index = 0; index < 2; index++) {
      const { admission } = await admit(metering.gate, anIntent(test.owner), { windows: [window()] });
      kinds.push(admission.kind);
    }
    expect([first.admission.kind, ...kinds]).toEqual(['admitted', 'admitted', 'denied']);
    link.mend();
    // The slot of the running attempt is taken in the store as well, and given back there.
    const ask = async () =>
      (await admit(metering.gate, anIntent(test.owner), { concurrency: concurrency() })).admission.kind;
    const counters = store.connect();
    await eventually(async () => {
      const ids = [running.attemptId];
      return (await counters.leased(test.owner.organizationId, ids).catch(() => [])).length === 1;
    });
    await eventually(async () => (await ask()) === 'denied');
    metering.meter.close(aClose(running));
    await eventually(async () => (await ask()) === 'admitted');
  });

  it('settles what ended meanwhile once the store is back', async () => {
    const counter = counterOf(await insertBudget(test));
    const intent = anIntent(test.owner);
    const holdings = [aHolding(counter, 1_000_000n, intent)];
    const { request } = await admit(metering.gate, intent, { holdings });
    await metering.meter.begin(intent, request, null);
    link.cut();
    metering.meter.close(aClose(intent));
    const counters = store.connect();
    const leased = async () =>
      (await counters.leased(test.owner.organizationId, [intent.attemptId]).catch(() => [])).length;
    await eventually(async () => (await leased()) === 1);
    link.mend();
    await eventually(async () => (await leased()) === 0);
  });

  it('refuses everything where it was told to fail closed', async () => {
    await metering.stop(soon());
    metering = await start(true);
    link.cut();
    const refused = admit(metering.gate, anIntent(test.owner), { windows: [window()] });
    await expect(refused).rejects.toMatchObject({ code: 'DEPENDENCY_UNAVAILABLE' });
    link.mend();
  });
});
