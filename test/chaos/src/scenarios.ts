import { setTimeout as pause } from 'node:timers/promises';
import type { Fleet } from './fleet.ts';
import type { Load } from './load.ts';

/** What happens to the platform while the load runs. */
export interface Scenario {
  readonly name: string;
  /** @param outageMs How long what is taken away stays away. */
  disturb(fleet: Fleet, load: Load, outageMs: number): Promise<void>;
  /** Whether budgets have to refuse with 503, and others go on, in the phase `outage`. */
  readonly isCounterOutage: boolean;
}

/**
 * What a proxy has begun is in PostgreSQL after some 100 ms; until then only Redis and the proxy's own disk know of it.
 * When both the proxy and Redis lose their memory within these milliseconds nothing is lost either, but budgets do not
 * count it before the proxy is back. A flush and a kill are therefore so far apart.
 */
const APART_MS = 750;

export const SCENARIOS = {
  flushAndKill: {
    name: 'Redis flushed, one proxy killed',
    isCounterOutage: false,
    async disturb({ stores, proxies }, load) {
      await load.arrived(0.3);
      await stores.flushRedis();
      await pause(APART_MS);
      await proxies[0]?.kill();
      await proxies[0]?.restart();
      await stores.flushRedis();
    },
  },
  redisAway: {
    name: 'Redis away, and back empty',
    isCounterOutage: true,
    async disturb({ stores }, { tally, arrived, sendFree }, outageMs) {
      await arrived(0.3);
      await stores.stopRedis();
      tally.phase = 'outage';
      await Promise.all([pause(outageMs), sendFree()]);
      tally.phase = 'calm';
      await stores.startRedis();
    },
  },
  postgresAway: {
    name: 'PostgreSQL away',
    isCounterOutage: false,
    async disturb({ stores }, { tally, arrived }, outageMs) {
      await arrived(0.3);
      await stores.stopPostgres();
      tally.phase = 'outage';
      await pause(outageMs);
      tally.phase = 'calm';
      await stores.startPostgres();
    },
  },
} as const satisfies Record<string, Scenario>;
