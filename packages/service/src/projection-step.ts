import type { ClientBase } from 'pg';

/**
 * A place in the attempt log. Rows are ordered by the transaction that wrote them, then by their sequence number; only
 * rows below the oldest running transaction are read, so a transaction that commits late is never skipped.
 */
export interface LogPosition {
  readonly xid: string;
  readonly seq: string;
}

export interface AppliedBatch {
  readonly rows: number;
  /** The last row of the batch. */
  readonly last: LogPosition;
}

/** Tables that are derived from the attempt log by one reader. */
export interface Projection {
  /** Name of its cursor row, of its advisory lock and of its metrics. */
  readonly name: string;
  readonly cursorTable: 'billing.projection_cursor' | 'analytics.projection_cursor';
  /** An advisory lock that each batch holds from before its first read until its commit; none unless named. */
  readonly lock?: string;
  /**
   * Reads at most `limit` rows after `from` and applies them with set-based statements, inside the open transaction
   * and with no effect outside it. Undefined when no row could be read. The commit is asynchronous: what somebody is told
   * of, and may not be told again, needs `set local synchronous_commit to default`.
   */
  apply(client: ClientBase, from: LogPosition, limit: number): Promise<AppliedBatch | undefined>;
}

export type StepResult =
  /** Everything in the log is applied. */
  | { readonly kind: 'idle' }
  /** Rows wait for an older transaction to end. */
  | { readonly kind: 'blocked'; readonly lagMs: number }
  | { readonly kind: 'applied'; readonly rows: number };

interface Peek {
  readonly is_waiting: boolean;
  readonly is_ready: boolean;
  readonly lag_ms: number;
}

/** Reads only, so that an idle projector costs no transaction id and no write. */
function peekSql(cursorTable: Projection['cursorTable']): string {
  return `
    with at as materialized (select xid, seq from ${cursorTable} where name = $1),
    oldest as (
      select l.xid, l.logged_at from ledger.attempt_log l
      where (l.xid, l.seq) > ((select xid from at), (select seq from at))
      order by l.xid, l.seq limit 1
    )
    select exists(select from oldest) as is_waiting,
           exists(select from oldest where xid < pg_snapshot_xmin(pg_current_snapshot())) as is_ready,
           coalesce((select extract(epoch from clock_timestamp() - logged_at) * 1000 from oldest), 0)::float8 as lag_ms`;
}

/** Begins, and waits for whoever applies a batch at the moment: each row is applied once. */
async function begin(client: ClientBase, { name, cursorTable, lock }: Projection): Promise<LogPosition> {
  const begun = client.query('begin');
  const locked =
    lock === undefined
      ? undefined
      : client.query({
          name: `${name}-lock`,
          text: `select pg_advisory_xact_lock(hashtextextended($1, 0))::text as locked`,
          values: [lock],
        });
  const cursor = client.query<LogPosition>({
    name: `${name}-cursor`,
    text: `select xid::text, seq::text from ${cursorTable} where name = $1 for update`,
    values: [name],
  });
  const [, , { rows }] = await Promise.all([begun, locked, cursor]);
  const [from] = rows;
  if (!from) throw new Error(`there is no cursor ${name} in ${cursorTable}`);
  return from;
}

async function applyBatch(client: ClientBase, projection: Projection, limit: number): Promise<number> {
  const { name, cursorTable } = projection;
  const batch = await projection.apply(client, await begin(client, projection), limit);
  const moved =
    batch &&
    client.query({
      name: `${name}-move`,
      text: `update ${cursorTable} set xid = $2::xid8, seq = $3::bigint, updated_at = now() where name = $1`,
      values: [name, batch.last.xid, batch.last.seq],
    });
  // Sent together: should the first fail, the commit of a failed transaction is a rollback.
  await Promise.all([moved, client.query('commit')]);
  return batch?.rows ?? 0;
}

async function applyOrRollBack(client: ClientBase, projection: Projection, limit: number): Promise<number> {
  try {
    return await applyBatch(client, projection, limit);
  } catch (error) {
    // The reason is what was thrown first; a connection that is gone cannot roll back and need not.
    await client.query('rollback').catch(() => undefined);
    throw error;
  }
}

/**
 * Applies one batch and moves the cursor in the same transaction: both happen or neither does.
 * @param isExpected Whether a signal told of rows. Then they are read at once: looking first costs a fifth of a batch.
 * @throws whatever the database throws; the transaction is rolled back and the client may be broken.
 */
export async function projectBatch(
  client: ClientBase,
  projection: Projection,
  limit: number,
  isExpected = false,
): Promise<StepResult> {
  if (isExpected) {
    const applied = await applyOrRollBack(client, projection, limit);
    if (applied > 0) return { kind: 'applied', rows: applied };
  }
  const { rows } = await client.query<Peek>({
    name: `${projection.name}-peek`,
    text: peekSql(projection.cursorTable),
    values: [projection.name],
  });
  const peek = rows[0] ?? { is_waiting: false, is_ready: false, lag_ms: 0 };
  if (!peek.is_waiting) return { kind: 'idle' };
  if (!peek.is_ready) return { kind: 'blocked', lagMs: peek.lag_ms };
  return { kind: 'applied', rows: await applyOrRollBack(client, projection, limit) };
}
