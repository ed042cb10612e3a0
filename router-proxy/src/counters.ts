import type { CounterStore } from '@weir/counters/contract';
import { createLocalCounterStore } from '@weir/counters/local/store';
import type { Deployments, OnDeploymentChange } from '@weir/counters/deployments/contract';
import { createLocalDeployments } from '@weir/counters/deployments/local';
import { createRedisDeployments } from '@weir/counters/deployments/redis/store';
import type { RequestNames } from '@weir/counters/idempotency/contract';
import { createLocalRequestNames } from '@weir/counters/idempotency/local';
import { createRedisRequestNames } from '@weir/counters/idempotency/redis/store';
import { connectRedis } from '@weir/counters/redis/connection';
import { createRedisCounterStore } from '@weir/counters/redis/store';
import type { Clock } from '@weir/kernel/clock';
import { AppError } from '@weir/kernel/errors';
import type { Check } from '@weir/service/health';
import type { Logger } from '@weir/service/logger';
import { acquireSoleProxyLock } from './sole-proxy-lock.ts';

/** The counter store that the configuration asks for, and what has to hold for it to be used. */
export interface Counters {
  /** local: the store dies with this process. */
  readonly mode: 'local' | 'redis';
  readonly store: CounterStore;
  readonly requestNames: RequestNames;
  /** Closed by whoever opens it. */
  openDeployments(onChange: OnDeploymentChange): Deployments;
  readonly checks: readonly Check[];
  /** Why counting is not possible at present, for every request alike; null while it is. */
  refusal(): AppError | null;
  stop(): Promise<void>;
}

export interface CountersOptions {
  readonly databaseUrl: string;
  /** Null for counters in this process. The prefix begins every key. */
  readonly redis: { readonly url: string; readonly prefix: string } | null;
  readonly role: string;
  readonly clock: Clock;
  /** In place of the time of Redis, which several proxies agree on. */
  readonly redisClock?: Clock | undefined;
  readonly log: Logger;
}

/** @throws Error when counters are to be in this process and another proxy serves the same database. */
export async function connectCounters(options: CountersOptions): Promise<Counters> {
  const { databaseUrl, redis, role, clock, redisClock, log } = options;
  if (redis) return shareCounters(redis, clock, redisClock, log);
  const lock = await acquireSoleProxyLock({ url: databaseUrl, role, log });
  const store = createLocalCounterStore({ clock });
  return {
    mode: 'local',
    store,
    requestNames: createLocalRequestNames({ clock }),
    openDeployments: (onChange) => createLocalDeployments({ clock, onChange }),
    checks: [
      {
        name: 'sole proxy lock',
        required: true,
        run() {
          if (!lock.isHeld())
            throw new Error('the connection that proves this proxy to be the only one is lost');
        },
      },
    ],
    refusal: () => (lock.isHeld() ? null : notAlone()),
    async stop() {
      await store.close();
      await lock.stop();
    },
  };
}

/** Without Redis requests go on that no budget blocks, so its loss makes the proxy degraded and not unready. */
function shareCounters(
  { url, prefix }: { readonly url: string; readonly prefix: string },
  clock: Clock,
  redisClock: Clock | undefined,
  log: Logger,
): Counters {
  const redis = connectRedis(url);
  const store = createRedisCounterStore({
    redis,
    prefix,
    ...(redisClock && { nowMs: () => redisClock.now() }),
    onAvailability(state, err) {
      if (state === 'open') log.error({ err }, 'Redis is given up for a moment');
      else log.info('Redis answers again');
    },
  });
  const requestNames = createRedisRequestNames({ redis, prefix, clock });
  return {
    mode: 'redis',
    store,
    requestNames,
    openDeployments: (onChange) => createRedisDeployments({ url, redis, prefix, clock, onChange }),
    checks: [{ name: 'redis', required: false, run: () => store.ping() }],
    refusal: () => null,
    async stop() {
      await requestNames.close();
      await store.close();
      await redis.quit().catch(() => {
        redis.disconnect();
      });
    },
  };
}

function notAlone(): AppError {
  return new AppError(
    'DEPENDENCY_UNAVAILABLE',
    'Limits and budgets cannot be checked right now. Try again shortly.',
    {
      message: 'the lock of the only proxy is lost',
      retryAfterSeconds: 1,
    },
  );
}
