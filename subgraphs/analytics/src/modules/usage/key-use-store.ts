import type { Uuid } from '@weir/kernel/ids';
import type { Transaction } from '@weir/prisma/tenant';

/** How an API key was used lately. */
export interface KeyUse {
  /** Null when it never was. */
  readonly lastUsedAt: Date | null;
  readonly requestsIn24Hours: bigint;
}

export const UNUSED: KeyUse = { lastUsedAt: null, requestsIn24Hours: 0n };

interface Row {
  readonly id: Uuid;
  readonly last_used_at: Date;
  readonly requests: string;
}

/** The running hour and the 23 before it, from the sums per hour. */
const USES = `
  select u.api_key_id::text as id, u.last_used_at, coalesce(h.requests, 0)::text as requests
  from analytics.api_key_uses u
  cross join lateral (
    select sum(s.requests) as requests from analytics.usage_hourly s
    where s.node_id = u.api_key_id and s.bucket > date_trunc('hour', now(), 'UTC') - interval '24 hours'
  ) as h
  where u.api_key_id = any ($1::uuid[])`;

export function createKeyUseStore(tx: Transaction) {
  return {
    /** Keys that were never used are left out. */
    async byIds(ids: readonly Uuid[]): Promise<ReadonlyMap<Uuid, KeyUse>> {
      const rows = await tx.$queryRawUnsafe<Row[]>(USES, ids);
      return new Map(
        rows.map((row) => [
          row.id,
          { lastUsedAt: row.last_used_at, requestsIn24Hours: BigInt(row.requests) },
        ]),
      );
    },
  };
}
