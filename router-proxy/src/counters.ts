import type { CounterStore } from '@weir/counters/contract';
import { createLocalCounterStore } from '@weir/counters/local/store';
import type { Clock } from '@weir/kernel/clock';
import { AppError } from '@weir/kernel/errors';
import type { Check } from '@weir/service/health';
import type { Logger } from '@weir/service/logger';
import type { Config } from './config.ts';
import { acquireSoleProxyLock } from './sole-proxy-lock.ts';

/** The counter store that the configuration asks for, and what has to hold for it to be used. */
export interface Counters {
  readonly mode: 'local' | 'redis';
  readonly store: CounterStore;
  readonly checks: readonly Check[];
  /** Why counting is not possible at present, for every request alike; null while it is. */
  refusal(): AppError | null;
  stop(): Promise<void>;
}

export interface CountersOptions {
  readonly config: Config;
  readonly role: string;
  readonly clock: Clock;
  readonly log: Logger;
}

/** @throws Error when counters are to be in this process and another proxy serves the same database. */
export async function connectCounters(options: CountersOptions): Promise<Counters> {
  const { config, role, clock, log } = options;
  const lock = await acquireSoleProxyLock({ url: config.databaseUrl, role, log });
  const store = createLocalCounterStore({ clock });
  return {
    mode: 'local',
    store,
    checks: [{ name: 'sole proxy lock', required: true, run: () => requireHeld(lock.isHeld()) }],
    refusal: () => (lock.isHeld() ? null : notAlone()),
    async stop() {
      await store.close();
      await lock.stop();
    },
  };
}

function requireHeld(isHeld: boolean): void {
  if (!isHeld) throw new Error('the connection that proves this proxy to be the only one is lost');
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
