import { hash } from 'node:crypto';
import type { Clock } from '@weir/kernel/clock';
import { createBreaker } from '../../redis/breaker.ts';
import type { RedisClient } from '../../redis/connection.ts';
import { requestNameKeys } from '../../redis/keys.ts';
import { createRunner } from '../../redis/runner.ts';
import { readLibrary } from '../../redis/function-library.ts';
import { callLibrary } from '../../redis/library-calls.ts';
import { KEPT_MS, type HeldName, type RequestName, type RequestNames } from '../contract.ts';
import { createLocalRequestNames } from '../local.ts';

export interface RedisRequestNamesOptions {
  /** Stays open when the names are closed. */
  readonly redis: RedisClient;
  /** Begins every key. */
  readonly prefix: string;
  readonly clock: Clock;
  /** How long an answer may take; 1000 by default. */
  readonly timeoutMs?: number;
  readonly leaseMs?: number;
  readonly namesMax?: number;
  /** The store's clock in tests; Redis' own otherwise. */
  readonly nowMs?: () => number;
}

export const REQUEST_NAME_FUNCTIONS = ['take', 'keep', 'free'] as const;

const TIMEOUT_MS = 1_000;
const FAILURES_TO_OPEN = 3;
const PAUSE_MS = 500;
const LEASE_MS = 60_000;
/** Names that one API key may have; beyond it the one that ends soonest is forgotten, and may be served once more. */
const NAMES_MAX = 10_000;
const NAME_LENGTH = 22;

interface Held {
  readonly name: RequestName;
  readonly field: string;
  /** Told to Redis until it takes it. */
  state: 'running' | 'ended' | 'free';
}

/**
 * Names that any number of proxies share. While Redis is away each proxy recognises only what it runs itself; what ended
 * meanwhile is told when it is back.
 */
export function createRedisRequestNames(options: RedisRequestNamesOptions): RequestNames {
  const { redis, prefix, clock, leaseMs = LEASE_MS, namesMax = NAMES_MAX, nowMs } = options;
  const runner = createRunner({
    callFunction: callLibrary(
      readLibrary('request_names', new URL('./lua/', import.meta.url), REQUEST_NAME_FUNCTIONS),
    ),
    redis,
    breaker: createBreaker({
      failuresToOpen: FAILURES_TO_OPEN,
      pauseMs: PAUSE_MS,
      now: () => performance.now(),
    }),
    timeoutMs: options.timeoutMs ?? TIMEOUT_MS,
  });
  const alone = createLocalRequestNames({ clock });
  /** As many as named requests run here, and those that ended while Redis was away. */
  const all = new Set<Held>();

  function run(
    call: (typeof REQUEST_NAME_FUNCTIONS)[number],
    { name, field }: Pick<Held, 'name' | 'field'>,
    ...args: readonly (string | number)[]
  ): Promise<unknown> {
    const keys = requestNameKeys(prefix, name.organizationId, name.apiKeyId);
    return runner.call(call, keys, [nowMs?.() ?? '', field, name.requestId, ...args]);
  }

  async function tell(held: Held): Promise<void> {
    const { state } = held;
    try {
      if (state === 'free') await run('free', held);
      else if (state === 'ended') await run('keep', held, 'e', KEPT_MS);
      else await run('keep', held, 'r', leaseMs);
    } catch {
      // Told again in the next round.
      return;
    }
    if (state !== 'running') all.delete(held);
  }

  function hold(name: RequestName, field: string): HeldName {
    const held: Held = { name, field, state: 'running' };
    all.add(held);
    const end = (state: 'ended' | 'free') => (): void => {
      held.state = state;
      if (all.size > namesMax) all.delete(held);
      void tell(held);
    };
    return { keep: end('ended'), free: end('free') };
  }

  const timer = setInterval(() => {
    for (const held of all) void tell(held);
  }, leaseMs / 3).unref();

  return {
    async take(name) {
      // Neither its length nor its content is for Redis to see.
      const field = hash('sha256', name.name, 'base64url').slice(0, NAME_LENGTH);
      let state: unknown;
      try {
        state = await run('take', { name, field }, leaseMs, namesMax);
      } catch {
        return alone.take(name);
      }
      if (state === '') return { kind: 'taken', held: hold(name, field) };
      if (typeof state !== 'string')
        throw new TypeError('the function of request names answered without a text');
      return { kind: state.startsWith('r') ? 'running' : 'ended', requestId: state.slice(2) };
    },
    async close() {
      clearInterval(timer);
      await Promise.allSettled([...all].filter(({ state }) => state !== 'running').map(tell));
      runner.close();
    },
  };
}
