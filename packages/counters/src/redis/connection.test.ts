import { Cluster, Redis } from 'ioredis';
import { describe, expect, it } from 'vitest';
import { connectRedis } from './connection.ts';

const lazy = { lazyConnect: true };

describe('connectRedis', () => {
  it('opens one server, and never queues or repeats commands', () => {
    const client = connectRedis('rediss://user:secret@redis.example:6380/2', lazy);
    expect(client).toBeInstanceOf(Redis);
    expect(client.options).toMatchObject({
      host: 'redis.example',
      port: 6380,
      db: 2,
      username: 'user',
      password: 'secret',
    });
    expect(client.options).toMatchObject({ enableOfflineQueue: false, autoResendUnfulfilledCommands: false });
  });

  it('finds the master by its sentinels', () => {
    const client = connectRedis('redis-sentinel://:p%40ss@a:26379,b:26380/main/1', lazy);
    const sentinels = [
      { host: 'a', port: 26379 },
      { host: 'b', port: 26380 },
    ];
    expect(client.options).toMatchObject({ sentinels, name: 'main', db: 1, password: 'p@ss' });
  });

  it('opens a cluster, with TLS where the scheme says so', () => {
    const client = connectRedis('rediss-cluster://user:secret@a:7000,b', lazy);
    expect(client).toBeInstanceOf(Cluster);
    expect(client.options).toMatchObject({
      enableOfflineQueue: false,
      redisOptions: { username: 'user', password: 'secret', tls: {} },
    });
  });

  it.each(['http://redis', 'redis.example:6379', 'redis-sentinel://a:1', 'redis-cluster://a:port'])(
    'refuses %s without repeating it, because it may hold a password',
    (url) => {
      expect(() => connectRedis(url, lazy)).toThrow(TypeError);
      expect(() => connectRedis(url, lazy)).not.toThrow(url);
    },
  );
});
