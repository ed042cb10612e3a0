import { afterAll, beforeAll, expect, it } from 'vitest';
import { newUuid } from '@weir/kernel/ids';
import { passGeneration } from '@weir/testkit/postgres-generations';
import { createLedgerClient, type LedgerClient } from './ledger-client.ts';
import { aClose, anIntent } from './test-attempts.ts';
import { createTestLedger, type TestLedger } from './test-ledger.ts';

const DAY_MS = 86_400_000;

let test: TestLedger;
let ledger: LedgerClient;

beforeAll(async () => {
  test = await createTestLedger();
  ledger = createLedgerClient(test.pool, 5_000);
});
afterAll(() => test.drop());

const SWEEP = [
  'select ledger.follow_open_attempts(20000)',
  `select * from ledger.doubtful_intents(0, '00000000-0000-0000-0000-000000000000', 500)`,
];

/** What the sweep's statements left in their transaction: whether they wrote, and which partitions they opened. */
async function sweep(): Promise<{ hasWritten: boolean; opened: number }> {
  const client = await test.pool.connect();
  try {
    await client.query('begin');
    for (const statement of SWEEP) await client.query(statement);
    const { rows } = await client.query<{ hasWritten: boolean; opened: number }>(
      `select pg_current_xact_id_if_assigned() is not null as "hasWritten",
              (select count(distinct l.relation)::int from pg_locks l join pg_class c on c.oid = l.relation
               where l.pid = pg_backend_pid() and c.relname like 'attempt\\_log\\_%' and c.relkind = 'r') as opened`,
    );
    await client.query('commit');
    return rows[0] ?? { hasWritten: true, opened: -1 };
  } finally {
    client.release();
  }
}

it('writes nothing while nobody writes to the log, and opens only the partitions that were written to lately', async () => {
  const long = anIntent(test.owner, { admittedAtMs: Date.now() - DAY_MS });
  await ledger.append([long, aClose(long)]);
  await passGeneration(test.admin);
  const now = anIntent(test.owner);
  await ledger.append([now, aClose(now)]);
  // Transactions of other databases may keep the rows from being followed for a while.
  await expect.poll(sweep, { timeout: 20_000 }).toEqual({ hasWritten: false, opened: 1 });
  await ledger.append([anIntent(test.owner)]);
  expect((await sweep()).hasWritten).toBe(true);
});

it('finds an intent that stays open although its day was left long ago', async () => {
  const old = anIntent(test.owner, { admittedAtMs: Date.now() - 400 * DAY_MS });
  await ledger.append([old]);
  await passGeneration(test.admin);
  const listed = async () => {
    while (await ledger.followOpenAttempts(1_000));
    const rows = await ledger.doubtful(0, newUuid(0), 1_000);
    return rows.some(({ attemptId }) => attemptId === old.attemptId);
  };
  await expect.poll(listed, { timeout: 20_000 }).toBe(true);
  await ledger.closeProvisionally([old.attemptId]);
  expect(await listed()).toBe(false);
});
