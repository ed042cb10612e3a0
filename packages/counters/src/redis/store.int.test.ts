import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { PATIENTLY } from '@weir/testkit/patience';
import { newUuid } from '@weir/kernel/ids';
import { startPrivateRedis, testRedisUrl, type PrivateRedis } from '@weir/testkit/redis';
import { CounterStoreUnavailable, type AdmitResult } from '../contract.ts';
import { admit, balanceOf, costHolding, perMinute, requestFor, settle, type Rig } from '../suite/rig.ts';
import { connectRedis } from './connection.ts';
import { organizationKeys, registryKey } from './keys.ts';
import { createRedisCounterStore, type RedisCounterStore } from './store.ts';

const url = testRedisUrl();

/** A rig on the server's own time. */
function rigOf(store: RedisCounterStore): Rig {
  const clock = {
    get nowMs() {
      return Date.now();
    },
    // Nothing can move the server's time.
    set nowMs(_value: number) {
      return;
    },
  };
  const never = (): Promise<void> => Promise.reject(new Error('not flushed here'));
  return { store, clock, flush: never, close: () => store.close() };
}

describe.skipIf(url === undefined)('Redis counter store on a server', () => {
  const prefix = `test-${crypto.randomUUID()}`;
  const open = () => createRedisCounterStore({ url: url ?? '', prefix, seedQuarantineMs: 0 });
  let redis: Redis;
  let stores: RedisCounterStore[];
  const rigAt = (index: number): Rig => rigOf(stores[index % stores.length] ?? open());

  beforeAll(() => {
    redis = new Redis(url ?? '');
    stores = [open(), open(), open(), open()];
  });
  afterAll(async () => {
    const keys = await redis.keys(`${prefix}:*`);
    if (keys.length > 0) await redis.unlink(...keys);
    await redis.quit();
    await Promise.all(stores.map((store) => store.close()));
  });

  it.each([
    {
      what: 'a window',
      limits: { windows: [{ subject: 'org:o', metric: 'requests', window: 'day', limit: 100 } as const] },
    },
    { what: 'concurrency', limits: { concurrency: [{ subject: 'org:o', limit: 100 }] } },
    { what: 'a holding', limits: { holdings: [costHolding('bud:a:0', 1000n, 0n, 10n)] } },
  ])('admits exactly the limit of $what out of 500 parallel requests of four clients', async ({ limits }) => {
    const organizationId = newUuid();
    const build = () => requestFor(rigAt(0), organizationId, { ...limits, outputCap: null });
    await admit(rigAt(0), {
      ...build(),
      windows: limits.windows ?? [],
      concurrency: [],
      attemptId: newUuid(),
    });
    const results: Promise<AdmitResult>[] = [];
    for (let index = 0; index < 500; index++) results.push(rigAt(index).store.admit(build()));
    const admitted = (await Promise.all(results)).filter(({ kind }) => kind === 'admitted');
    // The first request, which seeded the counters, took one of the hundred where it was counted.
    expect(admitted).toHaveLength(limits.concurrency === undefined ? 99 : 100);
  });

  it.each([
    { what: 'where all fit', limit: 100 },
    { what: 'where some do not', limit: 7 },
  ])('tells chains that share windows what each saw, $what', async ({ limit }) => {
    const story = async (isTogether: boolean): Promise<AdmitResult[]> => {
      const rig = rigAt(0);
      const organizationId = newUuid();
      const chains = ['key:a', 'key:b', 'key:c'].map((key) => ({
        windows: [
          { subject: 'org:o', metric: 'requests', window: 'day', limit } as const,
          { subject: key, metric: 'requests', window: 'day', limit: limit + 1 } as const,
          { subject: 'org:o', metric: 'tokens', window: 'day', limit } as const,
        ],
        concurrency: [{ subject: 'org:o', limit: 50 }],
        holdings: [costHolding('bud:a:0', 100_000n)],
      }));
      for (const chain of chains) await admit(rig, requestFor(rig, organizationId, chain));
      const requests = Array.from({ length: 9 }, (_, index) =>
        requestFor(rig, organizationId, chains[index % 4 === 3 ? 0 : index % 3]),
      );
      const again = [...requests, ...requests.slice(0, 2)];
      if (isTogether) return Promise.all(again.map((request) => rig.store.admit(request)));
      const results: AdmitResult[] = [];
      for (const request of again) results.push(await rig.store.admit(request));
      return results;
    };
    // The server's time differs between the two.
    const seen = (results: readonly AdmitResult[]): unknown[] =>
      results.map((result) =>
        result.kind === 'admitted'
          ? result.windows.map(({ subject, metric, remaining }) => [subject, metric, remaining])
          : result.kind,
      );
    const together = seen(await story(true));
    expect(together).toEqual(seen(await story(false)));
    expect(together.includes('denied')).toBe(limit === 7);
  });

  it('takes its time from the server', async () => {
    const rig = rigAt(0);
    const [seconds] = await redis.time();
    const result = await admit(rig, requestFor(rig, newUuid(), { validWithin: { startMs: 0, endMs: 8e15 } }));
    expect(Math.abs(result.nowMs - Number(seconds) * 1000)).toBeLessThan(5000);
  });

  it('goes on when the server has lost its functions, however many clients find out at once', async () => {
    const organizationId = newUuid();
    const request = () => requestFor(rigAt(0), organizationId, { windows: [perMinute('key:a', 50)] });
    await admit(rigAt(0), request());
    await redis.function('FLUSH');
    const results = await Promise.all(
      Array.from({ length: 40 }, (_, at) => rigAt(at).store.admit(request())),
    );
    expect(new Set(results.map(({ kind }) => kind))).toEqual(new Set(['admitted']));
  });

  it('counts nothing of a call that failed in the middle', async () => {
    const rig = rigAt(0);
    const organizationId = newUuid();
    const request = () => requestFor(rig, organizationId, { windows: [perMinute('key:a', 2)] });
    await admit(rig, request());
    const { leases } = organizationKeys(prefix, organizationId);
    await redis.unlink(leases);
    // Leases are written behind everything else that is read and decided.
    await redis.set(leases, 'no sorted set');
    await expect(rig.store.admit(request())).rejects.toThrow(CounterStoreUnavailable);
    await redis.unlink(leases);
    expect(await rig.store.admit(request())).toMatchObject({ kind: 'admitted' });
    expect(await rig.store.admit(request())).toMatchObject({ kind: 'denied' });
  });

  it('lets every key expire', async () => {
    const rig = rigAt(0);
    const organizationId = newUuid();
    const given = {
      windows: [
        perMinute('key:a', 5),
        { subject: 'key:a', metric: 'tokens', window: 'day', limit: 5 } as const,
      ],
      concurrency: [{ subject: 'key:a', limit: 2 }],
      holdings: [costHolding('bud:a:0', 1000n)],
    };
    const ended = requestFor(rig, organizationId, given);
    const closed = {
      holding: () => ({ closed: [newUuid()], open: [{ attemptId: newUuid(), held: 1n, evidence: '' }] }),
    };
    await admit(rig, ended, closed);
    await settle(rig, ended, 5n, 3);
    await settle(rig, requestFor(rig, organizationId), 5n);
    await admit(rig, requestFor(rig, organizationId, given));
    await rig.store.reassert(
      requestFor(rig, organizationId, { ...given, holdings: [costHolding('bud:b:0', 9n)] }),
      5,
    );
    const keys = await redis.keys(`${prefix}:*`);
    expect(keys.length).toBeGreaterThan(8);
    const ttls = await Promise.all(keys.map((key) => redis.pttl(key)));
    expect(keys.filter((_, index) => (ttls[index] ?? -1) < 0)).toEqual([]);
  });

  it('finds expired leases of any organization, and forgets organizations that have none', async () => {
    const rig = rigAt(0);
    const [busy, idle] = [newUuid(), newUuid()];
    const lost = requestFor(rig, busy, { leaseMs: -1 });
    await admit(rig, lost);
    const ended = requestFor(rig, idle);
    await admit(rig, ended);
    await settle(rig, ended, 0n);
    await redis.zadd(registryKey(prefix), Date.now() - 3_600_000, idle, Date.now() - 3_600_000, busy);
    const found = (await rigAt(1).store.expired(0, 1000)).map(({ attemptId }) => attemptId);
    expect(found).toContain(lost.attemptId);
    expect(await redis.zscore(registryKey(prefix), idle)).toBeNull();
    expect(await redis.zscore(registryKey(prefix), busy)).not.toBeNull();
  });

  it('seeds again what the server has evicted', async () => {
    const rig = rigAt(0);
    const organizationId = newUuid();
    const running = requestFor(rig, organizationId, { holdings: [costHolding('bud:a:0', 1000n)] });
    await admit(rig, running);
    await redis.unlink(organizationKeys(prefix, organizationId).balance('bud:a:0'));
    const open = [{ attemptId: running.attemptId, held: 100n, evidence: '' }];
    const ledger = { holding: () => ({ committed: 7n, open, closed: [] }) };
    expect(await balanceOf(rig, organizationId, 'bud:a:0', ledger)).toEqual({ committed: 7n, held: 100n });
  });

  it('knows whom an attempt was counted for after it has lost its keys and then its functions', async () => {
    const rig = rigAt(0);
    const organizationId = newUuid();
    const next = () => requestFor(rig, organizationId, { concurrency: [{ subject: 'key:a', limit: 1 }] });
    await admit(rig, next());
    await redis.unlink(await redis.keys(`${organizationKeys(prefix, organizationId).base}*`));
    const running = next();
    expect(await admit(rig, running)).toMatchObject({ kind: 'admitted' });
    expect(await admit(rig, next())).toMatchObject({ kind: 'denied', reason: 'concurrency' });
    await redis.call('FUNCTION', 'FLUSH');
    await settle(rig, running, 0n);
    expect(await admit(rig, next())).toMatchObject({ kind: 'admitted' });
  });

  it('counts as before when more chains were used than functions keep in mind', async () => {
    const rig = rigAt(0);
    const organizationId = newUuid();
    const use = (subject: string): Promise<AdmitResult> =>
      rig.store.admit(requestFor(rig, organizationId, { concurrency: [{ subject, limit: 1 }] }));
    expect(await use('key:first')).toMatchObject({ kind: 'admitted' });
    await Promise.all(Array.from({ length: 4_100 }, (_, index) => use(`key:${index}`)));
    expect(await use('key:first')).toMatchObject({ kind: 'denied', reason: 'concurrency' });
    expect(await use('key:last')).toMatchObject({ kind: 'admitted' });
  });
});

describe.skipIf(url === undefined)('Redis counter store without its server', () => {
  let server: PrivateRedis;
  const stores: RedisCounterStore[] = [];
  const open = (options: { timeoutMs?: number; onAvailability?: (state: string) => void } = {}) => {
    const store = createRedisCounterStore({
      url: server.url,
      prefix: 'test',
      seedQuarantineMs: 0,
      ...options,
    });
    stores.push(store);
    return store;
  };
  beforeAll(async () => {
    server = await startPrivateRedis();
  });
  afterAll(async () => {
    await Promise.all(stores.map((store) => store.close()));
    await server.kill();
  });

  it('fails with a typed error while the server is away and works again when it is back, empty', async () => {
    const states: string[] = [];
    const rig = rigOf(open({ onAvailability: (state) => void states.push(state) }));
    const organizationId = newUuid();
    const build = () => requestFor(rig, organizationId, { windows: [perMinute('key:a', 100)] });
    expect(await admit(rig, build())).toMatchObject({ kind: 'admitted' });
    await server.kill();
    for (let count = 0; count < 5; count++) {
      await expect(rig.store.admit(build())).rejects.toThrow(CounterStoreUnavailable);
    }
    await expect(rig.store.epochs([organizationId])).rejects.toThrow(CounterStoreUnavailable);
    server = await startPrivateRedis({ port: server.port });
    const result = await vi.waitFor(() => rig.store.admit(build()), PATIENTLY);
    expect(result).toMatchObject({ kind: 'unseeded' });
    expect(states).toEqual(['open', 'closed']);
  });

  it('takes an admission back whose answer came too late', async () => {
    const admin = connectRedis(server.url);
    const rig = rigOf(open({ timeoutMs: 150 }));
    const organizationId = newUuid();
    const request = requestFor(rig, organizationId, {
      holdings: [costHolding('bud:a:0', 1000n)],
      evidence: 'e',
    });
    expect(await vi.waitFor(() => balanceOf(rig, organizationId, 'bud:a:0'), PATIENTLY)).toMatchObject({
      held: 0n,
    });
    // Functions that may write wait until the pause is over, and then run although nobody listens any more.
    await admin.call('CLIENT', 'PAUSE', '700', 'WRITE');
    await expect(rig.store.admit(request)).rejects.toThrow(CounterStoreUnavailable);
    const patient = rigOf(open({ timeoutMs: 5000 }));
    const { attemptId } = request;
    await vi.waitFor(async () => {
      expect(await admin.exists(organizationKeys('test', organizationId).attempt(attemptId))).toBe(1);
      expect(await patient.store.leased(organizationId, [attemptId])).toEqual([]);
    }, PATIENTLY);
    expect(await balanceOf(patient, organizationId, 'bud:a:0')).toEqual({ committed: 0n, held: 0n });
    admin.disconnect();
  });

  it('stops for good when it is closed', async () => {
    const store = createRedisCounterStore({ url: server.url, prefix: 'test' });
    await store.ping();
    await store.close();
    await expect(store.ping()).rejects.toThrow(CounterStoreUnavailable);
  });
});
