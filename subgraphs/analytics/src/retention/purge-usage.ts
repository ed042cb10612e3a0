import type { ClientBase } from 'pg';

/** Told after each batch: the table, for example `analytics.usage_events`, and how many rows of it went. */
export type OnPurged = (keptIn: string, rows: number) => void;

export interface PurgeOptions {
  /** `YYYY-MM-DD`, UTC: the day that ages are counted from. */
  readonly today: string;
  /** Rows that one transaction removes. */
  readonly batchRows: number;
  readonly onPurged: OnPurged;
  /** Asked before each batch; what is left then goes the next time. */
  isStopping(): boolean;
}

/** Held by the session of whoever purges. */
const PURGE_LOCK = 'weir.usage-retention';

interface Purgeable {
  readonly organization_id: string;
  readonly kept_in: string;
}

async function purgeTable(client: ClientBase, table: Purgeable, options: PurgeOptions): Promise<void> {
  let gone = options.batchRows;
  while (gone === options.batchRows && !options.isStopping()) {
    const { rows } = await client.query<{ gone: number }>(
      'select analytics.purge_usage($1::uuid, $2, $3::date, $4) as gone',
      [table.organization_id, table.kept_in, options.today, options.batchRows],
    );
    gone = rows[0]?.gone ?? 0;
    options.onPurged(table.kept_in, gone);
  }
}

/**
 * Removes requests, hours and days that are older than their organization keeps, each batch in its own transaction. The
 * attempt log stays whole. The lock is the session's, so close the connection afterwards.
 * @param client In the role of the analytics projector, which may delete in no other way.
 * @returns Whether it was done: not when another process is at it.
 */
export async function purgeUsage(client: ClientBase, options: PurgeOptions): Promise<boolean> {
  const lock = await client.query<{ is_mine: boolean }>(
    'select pg_try_advisory_lock(hashtextextended($1, 0)) as is_mine',
    [PURGE_LOCK],
  );
  if (lock.rows[0]?.is_mine !== true) return false;
  const { rows } = await client.query<Purgeable>(
    'select organization_id, kept_in from analytics.purgeable_usage($1::date)',
    [options.today],
  );
  for (const table of rows) await purgeTable(client, table, options);
  return true;
}
