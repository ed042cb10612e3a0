import type { ClientBase } from 'pg';
import { createDayStatement, type DayStatement } from './day-statement.ts';

/**
 * A place in the attempt log. Rows are ordered by the transaction that wrote them, then by their sequence number; only
 * rows below the oldest running transaction are read, so a transaction that commits late is never skipped.
 */
export interface LogPosition {
  readonly xid: string;
  readonly seq: string;
}

/**
 * How a projector's connection is set before its first batch.
 *
 * With its machine the server may lose the last batches, each with the cursor's move: they are applied again then.
 *
 * Batches walk the log in its order. A day that has only begun has no statistics, and by the planner's defaults it would
 * seem cheaper to read all of it through the index that its days are in, and to sort what is found: ever more per batch.
 */
export const PROJECTOR_SESSION = 'set synchronous_commit to off; set enable_sort to off';

/** What a batch reads: rows after a place, of transactions that have ended, on the days that can hold such rows. */
export interface LogReading {
  readonly after: LogPosition;
  /** The first transaction that is not read: a later one may write to a day that was not listed yet. */
  readonly belowXid: string;
  /** `YYYY-MM-DD`, at least one. */
  readonly days: readonly string[];
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
   * Reads at most `limit` rows and applies them with set-based statements, inside the open transaction
   * and with no effect outside it. Undefined when no row could be read. The commit is asynchronous: what somebody is told
   * of, and may not be told again, needs `set local synchronous_commit to default`.
   */
  apply(client: ClientBase, reading: LogReading, limit: number): Promise<AppliedBatch | undefined>;
}

export type StepResult =
  /** Everything in the log is applied. */
  | { readonly kind: 'idle' }
  /** Rows wait for an older transaction to end. */
  | { readonly kind: 'blocked'; readonly lagMs: number }
  | { readonly kind: 'applied'; readonly rows: number };

interface Cursor {
  readonly xid: string;
  readonly seq: string;
  readonly below_xid: string;
  readonly days: readonly string[];
}

/** The place, the bound and the days are of one snapshot, also after waiting for the row's lock. */
async function readCursor(
  client: ClientBase,
  { name, cursorTable }: Projection,
  isLocking: boolean,
): Promise<LogReading> {
  const { rows } = await client.query<Cursor>({
    name: `${name}-${isLocking ? 'lock' : 'see'}-cursor`,
    text: `
      select xid::text, seq::text, pg_snapshot_xmin(pg_current_snapshot())::text as below_xid,
             ledger.days_since(xid)::text[] as days
      from ${cursorTable} where name = $1 ${isLocking ? 'for update' : ''}`,
    values: [name],
  });
  const [cursor] = rows;
  if (!cursor) throw new Error(`there is no cursor ${name} in ${cursorTable}`);
  const { xid, seq, below_xid: belowXid, days } = cursor;
  return { after: { xid, seq }, belowXid, days };
}

interface Oldest {
  readonly is_ready: boolean;
  readonly lag_ms: number;
}

const PEEK: DayStatement<Oldest> = createDayStatement(
  'peek',
  (days) => `
    select l.xid < pg_snapshot_xmin(pg_current_snapshot()) as is_ready,
           (extract(epoch from clock_timestamp() - l.logged_at) * 1000)::float8 as lag_ms
    from ledger.attempt_log l
    where l.day in (${days}) and (l.xid, l.seq) > ($1::xid8, $2::bigint)
    order by l.xid, l.seq limit 1`,
);

/** The oldest row that waits, if any does. Reads only, so that an idle projector costs no transaction id and no write. */
async function peek(client: ClientBase, projection: Projection): Promise<Oldest | undefined> {
  const { after, days } = await readCursor(client, projection, false);
  if (days.length === 0) return undefined;
  return (await PEEK.query(client, days, [after.xid, after.seq])).rows[0];
}

/** Begins, and waits for whoever applies a batch at the moment: each row is applied once. */
async function begin(client: ClientBase, projection: Projection): Promise<LogReading> {
  const { name, lock } = projection;
  const begun = client.query('begin');
  const locked =
    lock === undefined
      ? undefined
      : client.query({
          name: `${name}-lock`,
          text: `select pg_advisory_xact_lock(hashtextextended($1, 0))::text as locked`,
          values: [lock],
        });
  const [, , reading] = await Promise.all([begun, locked, readCursor(client, projection, true)]);
  return reading;
}

async function applyBatch(client: ClientBase, projection: Projection, limit: number): Promise<number> {
  const { name, cursorTable } = projection;
  const reading = await begin(client, projection);
  const batch = reading.days.length > 0 ? await projection.apply(client, reading, limit) : undefined;
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
  const oldest = await peek(client, projection);
  if (!oldest) return { kind: 'idle' };
  if (!oldest.is_ready) return { kind: 'blocked', lagMs: oldest.lag_ms };
  return { kind: 'applied', rows: await applyOrRollBack(client, projection, limit) };
}
