import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { PATIENTLY } from '@weir/testkit/patience';
import { startPrivateRedis, testRedisUrl, type PrivateRedis } from '@weir/testkit/redis';
import type { Claim } from '../contract.ts';
import { describeDeployments } from '../suite.ts';
import type { RedisDeployments } from './store.ts';
import { openRig, type RedisDeploymentsRig } from './test-rig.ts';

const url = testRedisUrl();
const broken = { reason: 'broken', retryAfterMs: null } as const;

async function fail(proxy: RedisDeployments, deployment = 'd'): Promise<void> {
  proxy.failed((await proxy.claim(deployment)) as Claim, broken);
}

const newPrefix = (): string => `test-${crypto.randomUUID()}`;

describe.skipIf(url === undefined)('deployments that proxies share over Redis', () => {
  describeDeployments(() => Promise.resolve(openRig(url ?? '', newPrefix())), 20);

  async function withRig(
    story: (rig: RedisDeploymentsRig, prefix: string) => Promise<void>,
    options: Parameters<typeof openRig>[2] = {},
  ): Promise<void> {
    const prefix = newPrefix();
    const rig = openRig(url ?? '', prefix, options);
    try {
      await story(rig, prefix);
    } finally {
      await rig.close();
    }
  }

  it('are told to the other proxy without being asked for', () =>
    withRig(async ({ proxies: [first, second] }) => {
      // Both hear once they are connected; until then a change is found by reading.
      await vi.waitFor(async () => {
        await fail(first, crypto.randomUUID());
        expect([...second.states()].length).toBeGreaterThan(0);
      }, PATIENTLY);
      await fail(first);
      await vi.waitFor(() => {
        expect(second.stateOf('d').kind).toBe('sleeping');
      }, PATIENTLY);
    }));

  it('are read in pages, however many changed', () =>
    withRig(async ({ proxies: [first, second], settle }) => {
      for (let index = 0; index < 1_203; index++) await fail(first, `d${index}`);
      await settle();
      expect([...second.states()]).toHaveLength(1_203);
    }));

  it('leave the store bounded, and nothing in it for ever', () =>
    withRig(
      async ({ proxies: [first], settle }, prefix) => {
        for (let index = 0; index < 20; index++) await fail(first, `d${index}`);
        await settle();
        const redis = new Redis(url ?? '');
        const keys = await redis.keys(`${prefix}:*`);
        expect(keys).toHaveLength(4);
        for (const key of keys) expect(await redis.pttl(key)).toBeGreaterThan(0);
        expect(await redis.zcard(`${prefix}:{deployments}:c`)).toBe(5);
        expect(await redis.hlen(`${prefix}:{deployments}:s`)).toBe(5);
        await redis.quit();
      },
      { entriesMax: 5 },
    ));

  it('keep one prober also when the store has lost what it knew', () =>
    withRig(async ({ proxies: [first, second], clock, settle }, prefix) => {
      await fail(first);
      await settle();
      const redis = new Redis(url ?? '');
      await redis.unlink(await redis.keys(`${prefix}:*`));
      await redis.quit();
      clock.nowMs += 15_000;
      const claims = await Promise.all([first.claim('d'), second.claim('d')]);
      expect(claims.filter((claim) => claim !== null)).toHaveLength(1);
    }));
});

describe.skipIf(url === undefined)('deployments of proxies whose Redis goes away', () => {
  let server: PrivateRedis;
  let rig: RedisDeploymentsRig;

  beforeAll(async () => {
    server = await startPrivateRedis();
    rig = openRig(server.url, newPrefix(), { syncMs: 20, timeoutMs: 200 });
    await vi.waitFor(async () => {
      expect(await rig.proxies[0].sync()).toBe(true);
    }, PATIENTLY);
  });
  afterAll(async () => {
    await rig.close();
    await server.kill();
  });

  it('go on alone meanwhile, and tell what they found when it is back', async () => {
    const [first, second] = rig.proxies;
    await server.kill();
    await fail(first);
    expect(first.stateOf('d').kind).toBe('sleeping');
    rig.clock.nowMs += 15_000;
    expect(await first.claim('d')).not.toBeNull();
    expect(await first.claim('d')).toBeNull();
    await fail(first, 'other');
    server = await startPrivateRedis({ port: server.port });
    await vi.waitFor(() => {
      expect(second.stateOf('other').kind).toBe('sleeping');
    }, PATIENTLY);
  });

  it('hear again after their connections broke', async () => {
    const [first, second] = rig.proxies;
    const redis = new Redis(server.url);
    await redis.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
    await redis.quit();
    await fail(first, 'after');
    await vi.waitFor(() => {
      expect(second.stateOf('after').kind).toBe('sleeping');
    }, PATIENTLY);
  });
});

describe.skipIf(url === undefined)('deployments of a proxy that no message reaches', () => {
  let server: PrivateRedis;
  beforeAll(async () => {
    server = await startPrivateRedis();
  });
  afterAll(() => server.kill());

  it('are found by reading', async () => {
    const redis = new Redis(server.url);
    await redis.call('ACL', 'SETUSER', 'deaf', 'on', '>secret', '~*', '&*', '+@all', '-subscribe');
    await redis.quit();
    const prefix = newPrefix();
    const hearing = openRig(server.url, prefix);
    const deaf = openRig(`redis://deaf:secret@127.0.0.1:${server.port}`, prefix, { syncMs: 20 });
    await fail(hearing.proxies[0]);
    await vi.waitFor(() => {
      expect(deaf.proxies[0].stateOf('d').kind).toBe('sleeping');
    }, PATIENTLY);
    await Promise.all([hearing.close(), deaf.close()]);
  });
});

/** The server refuses a function whose keys do not share a slot, so passing shows that all do. */
describe.skipIf(url === undefined)('deployments on a cluster', () => {
  let server: PrivateRedis;
  beforeAll(async () => {
    server = await startPrivateRedis({ cluster: true });
  });
  afterAll(() => server.kill());

  describeDeployments(
    () => Promise.resolve(openRig(`redis-cluster://127.0.0.1:${server.port}`, newPrefix())),
    3,
  );
});
