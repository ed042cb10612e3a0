import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe } from 'vitest';
import { testRedisUrl } from '@weir/testkit/redis';
import { describeCounterStore } from '../suite/counter-store-suite.ts';
import { NOON, type CreateRig } from '../suite/rig.ts';
import { createRedisCounterStore } from './store.ts';

const url = testRedisUrl();

describe.skipIf(url === undefined)('Redis counter store', () => {
  let redis: Redis;
  beforeAll(() => {
    redis = new Redis(url ?? '');
  });
  afterAll(() => redis.quit());

  /** The server is shared by all tests, so flushing takes away only what one prefix has. */
  const flush = async (prefix: string): Promise<void> => {
    let cursor = '0';
    do {
      const [next, keys] = await redis.scan(cursor, 'MATCH', `${prefix}:*`, 'COUNT', 1000);
      cursor = next;
      if (keys.length > 0) await redis.unlink(...keys);
    } while (cursor !== '0');
  };

  const createRig: CreateRig = (options) => {
    const prefix = `test-${crypto.randomUUID()}`;
    const clock = { nowMs: NOON };
    const settings = { seedQuarantineMs: 0, ...options, prefix, nowMs: () => clock.nowMs };
    const store = createRedisCounterStore({ ...settings, url: url ?? '' });
    return Promise.resolve({
      store,
      clock,
      flush: () => flush(prefix),
      close: async () => {
        await store.close();
        await flush(prefix);
      },
    });
  };

  describeCounterStore(createRig, 40);
});
