import type { Pool, QueryResultRow } from 'pg';
import { z } from 'zod';
import type { AttemptIntent, AttemptRecord } from '@weir/contracts/attempt-record';
import type { WindowLimit } from '@weir/counters/contract';
import type { Uuid } from '@weir/kernel/ids';
import type { NanoUsd } from '@weir/kernel/money';
import { toRowParts } from './ledger-row.ts';

/** What an attempt has cost so far, adjustments included; only attempts with a close have one. */
export interface AttemptTotal {
  readonly attemptId: Uuid;
  readonly organizationId: Uuid;
  readonly cost: bigint;
  readonly tokens: number;
}

export type OpenReference = Pick<AttemptTotal, 'attemptId' | 'organizationId'>;

export interface PositionQuery {
  readonly budgetId: Uuid;
  readonly periodStartMs: number;
  readonly periodEndMs: number;
  readonly closedSinceMs: number;
}

export interface CreditQuery {
  readonly accountId: Uuid;
  readonly dayStartMs: number;
  readonly closedSinceMs: number;
}

export interface Position {
  readonly metric: 'COST' | 'TOKENS' | 'REQUESTS';
  readonly committed: bigint;
  readonly open: readonly AttemptIntent[];
  readonly closed: readonly Uuid[];
}

export interface WindowQuery {
  readonly organizationId: Uuid;
  readonly atMs: number;
  readonly dayStartMs: number;
  readonly windows: readonly WindowLimit[];
}

export interface WindowCount {
  readonly current: number;
  readonly previous: number;
}

/** The functions of the ledger that the proxy may call, each one statement with a deadline. */
export interface LedgerClient {
  append(
    records: readonly AttemptRecord[],
  ): Promise<{ readonly inserted: number; readonly adjusted: number }>;
  totals(attemptIds: readonly Uuid[]): Promise<readonly AttemptTotal[]>;
  /** Undefined where the budget is gone. In the order of the queries, all from one snapshot. */
  positions(queries: readonly PositionQuery[]): Promise<readonly (Position | undefined)[]>;
  /** The same of accounts' credit on a business day, spent and lapsed; undefined where there is none. */
  creditPositions(queries: readonly CreditQuery[]): Promise<readonly (Position | undefined)[]>;
  /** In the order of the windows. */
  windowCounts(query: WindowQuery): Promise<readonly WindowCount[]>;
  /** Intents without a close that were logged that long ago, by id, after the one given. */
  doubtful(ageMs: number, afterId: Uuid, rowsMax: number): Promise<readonly OpenReference[]>;
  /** Charges those that have an intent and no close with their upper bound; answers how many. */
  closeProvisionally(attemptIds: readonly Uuid[]): Promise<number>;
  /** Whether more rows are left to follow. */
  followOpenAttempts(rowsMax: number): Promise<boolean>;
  ensurePartitions(days: number): Promise<void>;
}

const uuid = z.uuid().transform((text) => text as Uuid);
const integer = z.string().regex(/^-?\d+$/);
const bigint = integer.transform((text) => BigInt(text));
const number = integer.transform((text) => Number(text));

const intentSchema = z.object({
  attemptId: uuid,
  requestId: uuid,
  attemptNumber: z.int(),
  organizationId: uuid,
  accountPath: z.array(uuid),
  apiKeyId: uuid,
  modelRequested: z.string(),
  modelEffective: z.string(),
  provider: z.string(),
  providerKeyId: uuid,
  decision: z.enum(['PRIMARY', 'FAILOVER', 'OVERRIDE']),
  endpoint: z.string(),
  stream: z.boolean(),
  priceId: z.string().nullable(),
  admittedAtMs: z.number(),
  businessDate: z.string(),
  holdCost: bigint.transform((value) => value as NanoUsd),
  holdTokens: z.number(),
});

const appendedSchema = z.object({ inserted: z.int(), adjusted: z.int() });
const totalSchema = z
  .object({ attempt_id: uuid, organization_id: uuid, cost: bigint, tokens: number })
  .transform((row) => ({
    attemptId: row.attempt_id,
    organizationId: row.organization_id,
    cost: row.cost,
    tokens: row.tokens,
  }));
const referenceSchema = z
  .object({ attempt_id: uuid, organization_id: uuid })
  .transform((row) => ({ attemptId: row.attempt_id, organizationId: row.organization_id }));
const positionSchema = z.object({
  place: number,
  metric: z.enum(['COST', 'TOKENS', 'REQUESTS']),
  committed: bigint,
  open: z.array(intentSchema).transform((intents) => intents.map(toIntent)),
  closed: z.array(uuid),
});
const countSchema = z.object({ place: z.int(), current: number, previous: number });

function toIntent(intent: z.output<typeof intentSchema>): AttemptIntent {
  return { ...intent, kind: 'intent' };
}

const POSITIONS = `
  select asked.place, p.metric, p.committed, p.open, p.closed
  from unnest($1::uuid[], $2::timestamptz[], $3::timestamptz[], $4::timestamptz[])
    with ordinality as asked (budget_id, period_start, period_end, closed_since, place)
  cross join lateral ledger.position(budget_id, period_start, period_end, closed_since) p`;

const CREDITS = `
  select asked.place, 'COST' as metric, p.committed, p.open, p.closed
  from unnest($1::uuid[], $2::timestamptz[], $3::timestamptz[])
    with ordinality as asked (account_id, day_start, closed_since, place)
  cross join lateral ledger.credit_position(account_id, day_start, closed_since) p`;

const WINDOWS = `
  select place, current, previous
  from ledger.window_counts($1, $2, $3, $4::uuid[], $5::text[], $6::text[], $7::text[])`;

export function createLedgerClient(pool: Pool, queryTimeoutMs: number): LedgerClient {
  const rowsOf = async (
    name: string,
    text: string,
    values: readonly unknown[],
  ): Promise<QueryResultRow[]> => {
    // The client's own deadline: a server that is gone without a word must not hold a batch for ever.
    const query = { name: `metering-${name}`, text, values: [...values], query_timeout: queryTimeoutMs };
    return (await pool.query<QueryResultRow>(query)).rows;
  };
  return {
    async append(records) {
      const { shared, own } = toRowParts(records);
      const text = 'select inserted, adjusted from ledger.append($1, $2)';
      const rows = await rowsOf('append', text, [shared, own]);
      return appendedSchema.parse(rows[0]);
    },
    async totals(attemptIds) {
      const rows = await rowsOf('totals', 'select * from ledger.attempt_totals($1)', [attemptIds]);
      return rows.map((row) => totalSchema.parse(row));
    },
    async positions(queries) {
      const rows = await rowsOf('positions', POSITIONS, [
        queries.map((query) => query.budgetId),
        queries.map((query) => toInstant(query.periodStartMs)),
        queries.map((query) => toInstant(query.periodEndMs)),
        queries.map((query) => toInstant(query.closedSinceMs)),
      ]);
      return inOrder(queries, rows);
    },
    async creditPositions(queries) {
      const rows = await rowsOf('credits', CREDITS, [
        queries.map((query) => query.accountId),
        queries.map((query) => toInstant(query.dayStartMs)),
        queries.map((query) => toInstant(query.closedSinceMs)),
      ]);
      return inOrder(queries, rows);
    },
    async windowCounts({ organizationId, atMs, dayStartMs, windows }) {
      const subjects = windows.map((window) => parseSubject(window.subject));
      const rows = await rowsOf('windows', WINDOWS, [
        organizationId,
        Math.floor(atMs),
        dayStartMs,
        subjects.map((subject) => subject.nodeId),
        subjects.map((subject) => subject.model),
        windows.map((window) => window.metric),
        windows.map((window) => window.window),
      ]);
      const found = new Map(rows.map((row) => countSchema.parse(row)).map((row) => [row.place, row]));
      return windows.map((_, index) => found.get(index + 1) ?? { current: 0, previous: 0 });
    },
    async doubtful(ageMs, afterId, rowsMax) {
      const text = 'select attempt_id, organization_id from ledger.doubtful_intents($1, $2, $3)';
      const rows = await rowsOf('doubtful', text, [ageMs, afterId, rowsMax]);
      return rows.map((row) => referenceSchema.parse(row));
    },
    async closeProvisionally(attemptIds) {
      const text = 'select ledger.close_provisionally($1) as closed';
      const rows = await rowsOf('provisional', text, [attemptIds]);
      return z.int().parse(rows[0]?.['closed']);
    },
    async followOpenAttempts(rowsMax) {
      const rows = await rowsOf('follow', 'select ledger.follow_open_attempts($1) as is_rest', [rowsMax]);
      return rows[0]?.['is_rest'] === true;
    },
    async ensurePartitions(days) {
      await rowsOf('partitions', 'select ledger.ensure_partitions($1)', [days]);
    },
  };
}

function inOrder(
  queries: readonly unknown[],
  rows: readonly QueryResultRow[],
): readonly (Position | undefined)[] {
  const found = new Map(rows.map((row) => positionSchema.parse(row)).map((row) => [row.place, row]));
  return queries.map((_, index) => found.get(index + 1));
}

function toInstant(atMs: number): string {
  return new Date(atMs).toISOString();
}

/** `acc:<uuid>` or `acc:<uuid>|<model>`; the id alone says what kind of node it is. */
function parseSubject(subject: string): { readonly nodeId: string; readonly model: string | null } {
  const match = /^(?:org|acc|key):([0-9a-f-]{36})(?:\|(.*))?$/s.exec(subject);
  if (!match) throw new TypeError(`not a counter subject: ${subject.slice(0, 64)}`);
  return { nodeId: match[1] ?? '', model: match[2] ?? null };
}
