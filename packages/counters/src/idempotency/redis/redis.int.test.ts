import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { PATIENTLY } from '@weir/testkit/patience';
import { newUuid } from '@weir/kernel/ids';
import { startPrivateRedis, testRedisUrl } from '@weir/testkit/redis';
import { connectRedis, type RedisClient } from '../../redis/connection.ts';
import type { RequestName, RequestNames } from '../contract.ts';
import { describeRequestNames } from '../suite.ts';
import { createRedisRequestNames, type RedisRequestNamesOptions } from './store.ts';

const url = testRedisUrl();
const START_MS = 1_768_478_400_000;
const newPrefix = (): string => `test-${crypto.randomUUID()}`;
const aRequest = (parts: Partial<RequestName> = {}): RequestName => ({
  organizationId: newUuid(),
  apiKeyId: newUuid(),
  name: 'a client’s own words',
  requestId: `req_${newUuid()}`,
  ...parts,
});

describe.skipIf(url === undefined)('request names that proxies share over Redis', () => {
  let redis: RedisClient;
  beforeAll(() => {
    redis = connectRedis(url ?? '');
  });
  afterAll(() => redis.quit());

  const clock = { nowMs: START_MS };
  const open = (prefix: string, options: Partial<RedisRequestNamesOptions> = {}): RequestNames =>
    createRedisRequestNames({
      redis,
      prefix,
      clock: { now: () => clock.nowMs },
      nowMs: () => clock.nowMs,
      ...options,
    });

  describeRequestNames(() => {
    const prefix = newPrefix();
    const proxies = [open(prefix), open(prefix)] as const;
    return Promise.resolve({
      proxies,
      clock,
      // Commands of one connection arrive in order.
      settle: async () => void (await redis.ping()),
      close: async () => void (await Promise.all(proxies.map((names) => names.close()))),
    });
  });

  it('are freed a minute after a proxy has died with them, and not while it lives', async () => {
    const prefix = newPrefix();
    const dead = open(prefix);
    const alive = open(prefix, { leaseMs: 60 });
    const [lost, renewed] = [aRequest(), aRequest()];
    await dead.take(lost);
    await dead.close();
    expect((await alive.take({ ...lost, requestId: 'req_2' })).kind).toBe('running');
    clock.nowMs += 60_000;
    expect((await alive.take({ ...lost, requestId: 'req_2' })).kind).toBe('taken');
    await alive.take(renewed);
    const lease = async (): Promise<number> =>
      Number(
        await redis.zscore(`${prefix}:{${renewed.organizationId}}:x:${renewed.apiKeyId}`, await nameOf()),
      );
    const nameOf = async (): Promise<string> => {
      const [field] = await redis.hkeys(`${prefix}:{${renewed.organizationId}}:i:${renewed.apiKeyId}`);
      return field ?? '';
    };
    const before = await lease();
    clock.nowMs += 10;
    await vi.waitFor(async () => {
      expect(await lease()).toBe(before + 10);
    }, PATIENTLY);
    await alive.close();
  });

  it('are bounded for each API key, expire, and are no text of the client', async () => {
    const prefix = newPrefix();
    const names = open(prefix, { namesMax: 3 });
    const { organizationId, apiKeyId } = aRequest();
    for (let index = 0; index < 10; index++) {
      clock.nowMs++;
      await names.take(aRequest({ organizationId, apiKeyId, name: `words ${index}` }));
    }
    const keys = await redis.keys(`${prefix}:*`);
    expect(keys).toHaveLength(2);
    for (const key of keys) expect(await redis.pttl(key)).toBeGreaterThan(0);
    const fields = await redis.hkeys(`${prefix}:{${organizationId}}:i:${apiKeyId}`);
    expect(fields).toHaveLength(3);
    expect(fields.join()).not.toContain('words');
    await names.close();
  });
});

describe.skipIf(url === undefined)('request names of a proxy whose Redis goes away', () => {
  it('are known in process meanwhile, and what ended is told when it is back', async () => {
    let server = await startPrivateRedis();
    const redis = connectRedis(server.url);
    const clock = { nowMs: START_MS };
    const names = createRedisRequestNames({
      redis,
      prefix: newPrefix(),
      clock: { now: () => clock.nowMs },
      nowMs: () => clock.nowMs,
      timeoutMs: 200,
      leaseMs: 60,
    });
    const before = aRequest();
    const held = await names.take(before);
    await server.kill();
    const meanwhile = aRequest();
    expect((await names.take(meanwhile)).kind).toBe('taken');
    expect((await names.take({ ...meanwhile, requestId: 'req_2' })).kind).toBe('running');
    if (held.kind === 'taken') held.held.keep();
    server = await startPrivateRedis({ port: server.port });
    await vi.waitFor(async () => {
      const reader = new Redis(server.url);
      const [key] = await reader.keys('*:i:*');
      const states = key === undefined ? [] : await reader.hvals(key);
      await reader.quit();
      expect(states).toEqual([`e|${before.requestId}`]);
    }, PATIENTLY);
    await names.close();
    redis.disconnect();
    await server.kill();
  });
});
