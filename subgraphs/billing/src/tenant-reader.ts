import type { Uuid } from '@weir/kernel/ids';
import type { Logger } from '@weir/service/logger';
import { createPool } from '@weir/service/postgres';
import type { Query } from './query.ts';

/**
 * Reads of one organization, as row-level security allows them. The beginning of the transaction, its scope and the first
 * statement travel together and nobody waits for its end, so one statement costs one round trip: alerts are to be on a
 * socket within milliseconds. Writes go through Prisma (`withTenant`).
 */
export interface TenantReader {
  read<T>(organizationId: Uuid, work: (query: Query) => Promise<T>): Promise<T>;
  /** Rejects unless the database answers. */
  check(): Promise<void>;
  close(): Promise<void>;
}

const MAX_CONNECTIONS = 10;

export function createTenantReader({ url, log }: { url: string; log: Logger }): TenantReader {
  const pool = createPool({
    url,
    role: 'weir_billing',
    applicationName: 'weir-billing-reader',
    max: MAX_CONNECTIONS,
    pipeline: true,
    log,
  });
  return {
    async read<T>(organizationId: Uuid, work: (query: Query) => Promise<T>) {
      const client = await pool.connect();
      const scoped = Promise.all([
        client.query('begin read only'),
        client.query(`select set_config('app.organization_id', $1, true)`, [organizationId]),
      ]);
      // Every statement awaits it; this is for work that issues none.
      scoped.catch(() => undefined);
      const query: Query = async <Row extends object>(text: string, values: readonly unknown[]) => {
        const [, { rows }] = await Promise.all([scoped, client.query<Row>(text, [...values])]);
        return rows;
      };
      try {
        return await work(query);
      } finally {
        // Nothing was written, so the answer need not wait; a connection that cannot commit is not used again.
        client.query('commit').then(
          () => client.release(),
          (error: unknown) => client.release(error instanceof Error ? error : true),
        );
      }
    },
    async check() {
      await pool.query('select 1');
    },
    close: () => pool.end(),
  };
}
