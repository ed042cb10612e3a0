import { Cluster } from 'ioredis';
import { afterAll, beforeAll, describe } from 'vitest';
import { startPrivateRedis, testRedisUrl, type PrivateRedis } from '@weir/testkit/redis';
import { describeCounterStore } from '../suite/counter-store-suite.ts';
import { NOON, type CreateRig } from '../suite/rig.ts';
import { createRedisCounterStore } from './store.ts';

/** The server refuses a function whose keys do not share a slot, so passing shows that none does. */
describe.skipIf(testRedisUrl() === undefined)('Redis counter store on a cluster', () => {
  let server: PrivateRedis;
  let admin: Cluster;
  beforeAll(async () => {
    server = await startPrivateRedis({ cluster: true });
    admin = new Cluster([{ host: '127.0.0.1', port: server.port }]);
  });
  afterAll(async () => {
    admin.disconnect();
    await server.kill();
  });

  const createRig: CreateRig = (options) => {
    const clock = { nowMs: NOON };
    const url = `redis-cluster://127.0.0.1:${String(server.port)}`;
    const store = createRedisCounterStore({
      seedQuarantineMs: 0,
      ...options,
      url,
      prefix: 'test',
      nowMs: () => clock.nowMs,
    });
    return Promise.resolve({
      store,
      clock,
      flush: async () => void (await admin.flushall()),
      close: () => store.close(),
    });
  };

  describeCounterStore(createRig, 5);
});
