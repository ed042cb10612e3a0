import { isDeepStrictEqual } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { AttemptIntent } from '@weir/contracts/attempt-record';
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

/** Intents of today, yesterday and some days long ago. */
const severalDays = (): AttemptIntent[] =>
  [0, 1, 90, 400].map((age) => anIntent(test.owner, { admittedAtMs: Date.now() - age * DAY_MS }));

/** Rows that a reader would miss who stands before them and opens what is noted. */
async function unnoted(): Promise<unknown[]> {
  const { rows } = await test.admin.query<Record<string, unknown>>(
    'select kind, day::text from ledger.attempt_log l where l.day <> all (ledger.days_since(l.xid))',
  );
  return rows;
}

it('notes the day of every row that the ledger writes, in whatever way it is written', async () => {
  const intents = severalDays();
  const fates: [string, () => Promise<unknown>][] = [
    ['rows of one day', () => ledger.append(intents.slice(0, 1))],
    ['rows of several days', () => ledger.append(intents.slice(1))],
    ['provisional closes', () => ledger.closeProvisionally(intents.map(({ attemptId }) => attemptId))],
    ['corrections', () => ledger.append(intents.map((intent) => aClose(intent)))],
    ['rows beside repeated ones', () => ledger.append([...intents, ...severalDays()])],
  ];
  for (const [name, write] of fates) {
    await passGeneration(test.admin);
    await write();
    expect(await unnoted(), name).toEqual([]);
  }
});

it('writes a note once per day and generation, not with every batch', async () => {
  const notes = async () => {
    const { rows } = await test.admin.query<Record<string, unknown>>(
      'select *, ctid::text, xmin::text from ledger.written_days',
    );
    return rows;
  };
  // A generation may end in between, since other databases of the server share its transactions.
  await expect
    .poll(async () => {
      await ledger.append(severalDays());
      const before = await notes();
      await ledger.append(severalDays());
      return { before, after: await notes() };
    })
    .toSatisfy(({ before, after }) => isDeepStrictEqual(before, after));
});

it('lets any number write the same days at once', async () => {
  await passGeneration(test.admin);
  const batches = Array.from({ length: 16 }, (_, n) =>
    n % 2 === 0 ? severalDays() : severalDays().reverse(),
  );
  const answers = await Promise.all(batches.map((batch) => ledger.append(batch)));
  expect(answers.every(({ inserted }) => inserted === 4)).toBe(true);
  expect(await unnoted()).toEqual([]);
});
