import { createRedisDeployments, type RedisDeployments, type RedisDeploymentsOptions } from './store.ts';

/** Noon of some day; the store's clock as well as the proxies'. */
const START_MS = 1_768_478_400_000;
const NEVER_MS = 2_147_483_647;

export interface RedisDeploymentsRig {
  readonly proxies: readonly [RedisDeployments, RedisDeployments];
  readonly clock: { nowMs: number };
  settle(): Promise<void>;
  close(): Promise<void>;
}

/** Two proxies on one Redis. They are told of changes by messages only, unless the test asks them to read. */
export function openRig(
  url: string,
  prefix: string,
  options: Partial<RedisDeploymentsOptions> = {},
): RedisDeploymentsRig {
  const clock = { nowMs: START_MS };
  const open = (): RedisDeployments =>
    createRedisDeployments({
      url,
      prefix,
      clock: { now: () => clock.nowMs },
      nowMs: () => clock.nowMs,
      random: () => 0,
      syncMs: NEVER_MS,
      ...options,
    });
  const proxies = [open(), open()] as const;
  return {
    proxies,
    clock,
    // The first round may join a reading that began before; the second sees what the first one sent.
    async settle() {
      for (let round = 0; round < 2; round++) for (const proxy of proxies) await proxy.sync();
      await proxies[0].sync();
    },
    async close() {
      await Promise.all(proxies.map((proxy) => proxy.close()));
    },
  };
}
