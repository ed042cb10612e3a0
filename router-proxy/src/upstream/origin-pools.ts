import { Pool } from 'undici';
import { createOutboundConnector } from '@weir/service/outbound-connector';
import type { OutboundGuard } from '@weir/service/outbound-guard';

export interface OriginPools {
  of(origin: string): Pool;
  /** Closes pools that nobody used since the last call but one. */
  sweep(): void;
  close(): Promise<void>;
}

export interface OriginPoolOptions {
  /** Says at each connection whether its address may be called. */
  readonly guard: OutboundGuard;
  readonly connectTimeoutMs: number;
  readonly headersTimeoutMs: number;
  readonly idleTimeoutMs: number;
}

/** Idle connections are kept for less than the minute after which common providers and balancers drop them. */
const KEEP_ALIVE_MS = 50_000;

/**
 * One pool of keep-alive connections per provider origin, without a bound of its own: the proxy bounds how many
 * requests are in flight, and a request that waited here for a connection would hold its budget for nothing.
 */
export function createOriginPools(options: OriginPoolOptions): OriginPools {
  const pools = new Map<string, { readonly pool: Pool; unused: number }>();
  const connect = createOutboundConnector(options.guard, options.connectTimeoutMs);
  return {
    of(origin) {
      const known = pools.get(origin);
      if (known) {
        known.unused = 0;
        return known.pool;
      }
      const pool = new Pool(origin, {
        connect,
        headersTimeout: options.headersTimeoutMs,
        bodyTimeout: options.idleTimeoutMs,
        keepAliveTimeout: KEEP_ALIVE_MS,
        pipelining: 1,
      });
      pools.set(origin, { pool, unused: 0 });
      return pool;
    },
    sweep() {
      for (const [origin, entry] of pools) {
        entry.unused++;
        if (entry.unused < 2 || entry.pool.stats.running > 0) continue;
        pools.delete(origin);
        // Requests that are still under way there finish first.
        void entry.pool.close();
      }
    },
    async close() {
      await Promise.all([...pools.values()].map(({ pool }) => pool.destroy()));
      pools.clear();
    },
  };
}
