import { newUuid, uuidTimeMs, type Uuid } from '@weir/kernel/ids';
import { createTestDatabase, type TestDatabase } from '@weir/testkit/postgres';
import { insertRow } from '@weir/testkit/postgres-tenant';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

let database: TestDatabase;
let owner: pg.Client;

const DAY_MS = 86_400_000;

beforeAll(async () => {
  database = await createTestDatabase();
  owner = new pg.Client({ connectionString: database.url });
  await owner.connect();
});

afterAll(async () => {
  await owner.end();
  await database.drop();
});

const dayOf = (ms: number): string => new Date(ms).toISOString().slice(0, 10);

function anIntent(attemptId: Uuid = newUuid()) {
  const day = dayOf(uuidTimeMs(attemptId));
  return {
    day,
    class: 'intent',
    kind: 'intent',
    attempt_id: attemptId,
    request_id: newUuid(),
    attempt_number: 1,
    organization_id: newUuid(),
    account_path: [newUuid()],
    api_key_id: newUuid(),
    model_requested: 'demo',
    model_effective: 'demo',
    provider: 'openai',
    provider_key_id: newUuid(),
    decision: 'PRIMARY',
    endpoint: '/v1/chat/completions',
    stream: false,
    admitted_at_ms: uuidTimeMs(attemptId),
    business_date: day,
    hold_cost: 1,
    hold_tokens: 1,
  };
}

const aClose = (attemptId: Uuid = newUuid()) => ({
  ...anIntent(attemptId),
  class: 'close',
  kind: 'settled',
  hold_cost: null,
  hold_tokens: null,
  cost: 5,
  metering_source: 'PROVIDER',
  status: 'SUCCESS',
  disconnected: false,
  latency_ms: 1,
});

const append = (row: Record<string, unknown>) => insertRow(owner, 'ledger.attempt_log', row);

async function partitionOf(attemptId: Uuid): Promise<string | undefined> {
  const { rows } = await owner.query<{ partition: string }>(
    'select tableoid::regclass::text as partition from ledger.attempt_log where attempt_id = $1',
    [attemptId],
  );
  return rows[0]?.partition;
}

describe('ledger.attempt_log', () => {
  it('takes one row of each class per attempt and no second', async () => {
    const id = newUuid();
    await append(anIntent(id));
    await append(aClose(id));
    await expect(append(aClose(id))).rejects.toThrow('duplicate key');
  });

  it('knows the day of an attempt from its id, whatever the server was told', async () => {
    const id = newUuid();
    await expect(append({ ...anIntent(id), day: dayOf(uuidTimeMs(id) - DAY_MS) })).rejects.toThrow(
      'day_check',
    );
  });

  it('refuses a close that does not say how it was metered', async () => {
    await expect(append({ ...aClose(), metering_source: null })).rejects.toThrow('class_check');
    await expect(append({ ...aClose(), kind: 'adjusted' })).rejects.toThrow('class_check');
    await expect(append({ ...anIntent(), hold_cost: null })).rejects.toThrow('class_check');
  });
});

describe('ledger.ensure_partitions', () => {
  it('is called by the migration, so that today has a partition of its own', async () => {
    const id = newUuid();
    await append(anIntent(id));
    expect(await partitionOf(id)).toBe(`ledger.attempt_log_${dayOf(uuidTimeMs(id)).replaceAll('-', '')}`);
  });

  it('does nothing when it is called again, also by several at once', async () => {
    const sessions = await Promise.all(
      [1, 2, 3].map(async () => {
        const session = new pg.Client({ connectionString: database.url, options: '-c role=weir_proxy' });
        await session.connect();
        return session;
      }),
    );
    try {
      const answers = await Promise.all(
        sessions.map((session) =>
          session.query<{ made: number }>('select ledger.ensure_partitions(9) as made'),
        ),
      );
      expect(answers.map(({ rows }) => rows[0]?.made).sort()).toEqual([0, 0, 2]);
    } finally {
      await Promise.all(sessions.map((session) => session.end()));
    }
  });

  it('never lets an insert fail: what has no partition waits in the default one and moves, its place unchanged', async () => {
    const id = newUuid(Date.now() + 20 * DAY_MS);
    await append(anIntent(id));
    expect(await partitionOf(id)).toBe('ledger.attempt_log_default');
    const order = 'select xid::text, seq from ledger.attempt_log where attempt_id = $1';
    const before = await owner.query(order, [id]);
    await owner.query('select ledger.ensure_partitions(20)');
    expect(await partitionOf(id)).toMatch(/attempt_log_\d{8}/);
    expect((await owner.query(order, [id])).rows).toEqual(before.rows);
  });

  it('gives new partitions every index of the parent', async () => {
    const { rows } = await owner.query<{ indexes: string }>(
      `select distinct count(*) as indexes from pg_index i join pg_inherits h on h.inhrelid = i.indrelid
       where h.inhparent = 'ledger.attempt_log'::regclass group by i.indrelid`,
    );
    expect(rows).toHaveLength(1);
  });
});

it('gives ledger.day_of the UTC date of any UUIDv7', async () => {
  for (const ms of [0, DAY_MS - 1, DAY_MS, Date.UTC(2026, 1, 28, 23, 59, 59, 999), Date.UTC(2999, 11, 31)]) {
    const { rows } = await owner.query<{ day: string }>('select ledger.day_of($1)::text as day', [
      newUuid(ms),
    ]);
    expect(rows[0]?.day).toBe(dayOf(ms));
  }
});
