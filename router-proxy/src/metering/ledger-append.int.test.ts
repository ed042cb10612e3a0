import fc from 'fast-check';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AttemptRecord } from '@weir/contracts/attempt-record';
import { newUuid } from '@weir/kernel/ids';
import { createLedgerClient, type LedgerClient } from './ledger-client.ts';
import { toRowParts } from './ledger-row.ts';
import { aClose, anIntent, closes, intents } from './test-attempts.ts';
import { createTestLedger, type TestLedger } from './test-ledger.ts';

let test: TestLedger;
let ledger: LedgerClient;

beforeAll(async () => {
  test = await createTestLedger();
  ledger = createLedgerClient(test.pool, 5_000);
});
afterAll(() => test.drop());

/** The members that a batch sends once for all attempts that agree in them; the day follows from the instant. */
const SHARED = [
  'organizationId',
  'accountPath',
  'apiKeyId',
  'modelRequested',
  'modelEffective',
  'provider',
  'providerKeyId',
  'decision',
  'endpoint',
  'stream',
  'priceId',
  'businessDate',
  'admittedAtMs',
] as const;

const newIds = ({ admittedAtMs }: AttemptRecord) => ({
  attemptId: newUuid(admittedAtMs),
  requestId: newUuid(admittedAtMs),
});

/** What the log holds of a record; Postgres has no NUL. */
function rowOf(record: AttemptRecord): Record<string, unknown> {
  const text = (value: string): string => value.replaceAll('\0', '\uFFFD');
  return {
    kind: record.kind,
    attempt_id: record.attemptId,
    request_id: record.requestId,
    attempt_number: record.attemptNumber,
    organization_id: record.organizationId,
    account_path: record.accountPath,
    api_key_id: record.apiKeyId,
    model_requested: text(record.modelRequested),
    model_effective: text(record.modelEffective),
    provider: text(record.provider),
    provider_key_id: record.providerKeyId,
    decision: record.decision,
    endpoint: text(record.endpoint),
    stream: record.stream,
    price_id: record.priceId === null ? null : text(record.priceId),
    admitted_at_ms: String(record.admittedAtMs),
    date: record.businessDate,
    ...(record.kind === 'intent'
      ? { hold_cost: String(record.holdCost), hold_tokens: String(record.holdTokens), cost: '0' }
      : {
          hold_cost: null,
          hold_tokens: null,
          cost: String(record.cost),
          input_tokens: '10',
          cached_input_tokens: '1',
          cache_write_tokens: '2',
          output_tokens: '20',
          reasoning_tokens: '3',
          images: '0',
          audio_ms: '0',
          status: record.status,
          metering_source: record.meteringSource,
          upstream_status: record.upstreamStatus,
          error_code: record.errorCode === null ? null : text(record.errorCode),
          disconnected: record.disconnected,
          latency_ms: Math.round(record.latencyMs),
          time_to_first_byte_ms: record.timeToFirstByteMs,
        }),
  };
}

async function expectRows(records: readonly AttemptRecord[]): Promise<void> {
  const { rows } = await test.admin.query<Record<string, unknown>>(
    'select *, business_date::text as date from ledger.attempt_log where attempt_id = any ($1)',
    [records.map((record) => record.attemptId)],
  );
  const byId = new Map(rows.map((row) => [row['attempt_id'], row]));
  expect(rows).toHaveLength(records.length);
  expect(records.map((record) => byId.get(record.attemptId))).toMatchObject(records.map(rowOf));
}

/** Attempts of two policies and of what differs from them in one member, in any order. */
const batches: fc.Arbitrary<readonly AttemptRecord[]> = fc
  .record({
    bases: fc.tuple(closes, closes),
    picks: fc.array(
      fc.record({
        first: fc.boolean(),
        changed: fc.option(fc.constantFrom(...SHARED)),
        isIntent: fc.boolean(),
      }),
      { minLength: 1, maxLength: 12 },
    ),
  })
  .map(({ bases: [one, other], picks }) =>
    picks.map(({ first, changed, isIntent }) => {
      const [base, rest] = first ? [one, other] : [other, one];
      const dimensions = changed === null ? base : { ...base, [changed]: rest[changed] };
      const intent = anIntent(test.owner, { ...dimensions, kind: 'intent', ...newIds(dimensions) });
      return isIntent ? intent : aClose(intent, { errorCode: base.errorCode, status: rest.status });
    }),
  );

describe('ledger.append', () => {
  it('keeps every value, whatever the texts hold', async () => {
    await fc.assert(
      fc.asyncProperty(fc.oneof(intents, closes), async (record) => {
        await ledger.append([record]);
        await expectRows([record]);
      }),
      { numRuns: 60 },
    );
  });

  it('keeps every value of a batch, whatever its attempts have in common', async () => {
    await fc.assert(
      fc.asyncProperty(batches, async (batch) => {
        expect(await ledger.append(batch)).toEqual({ inserted: batch.length, adjusted: 0 });
        await expectRows(batch);
      }),
      { numRuns: 60 },
    );
  });

  it('refuses a row that comes without its shared part instead of losing it', async () => {
    const batch = toRowParts([aClose(anIntent(test.owner))]);
    const appended = test.pool.query("select ledger.append('{}', $1)", [batch.own]);
    await expect(appended).rejects.toMatchObject({ code: '23502' });
  });

  it('changes nothing when rows are there already, in another batch or in the same', async () => {
    const intent = anIntent(test.owner);
    const rows = [intent, aClose(intent)];
    expect(await ledger.append([...rows, ...rows])).toEqual({ inserted: 2, adjusted: 0 });
    expect(await ledger.append(rows)).toEqual({ inserted: 0, adjusted: 0 });
  });

  it('turns a settlement after a provisional close into one signed difference, once', async () => {
    const intent = anIntent(test.owner);
    await ledger.append([intent]);
    expect(await ledger.closeProvisionally([intent.attemptId, newUuid()])).toBe(1);
    expect(await ledger.closeProvisionally([intent.attemptId])).toBe(0);
    expect(await ledger.totals([intent.attemptId])).toMatchObject([{ cost: 1_000n, tokens: 500 }]);
    const close = aClose(intent);
    expect(await ledger.append([close])).toEqual({ inserted: 0, adjusted: 1 });
    expect(await ledger.append([close, intent])).toEqual({ inserted: 0, adjusted: 0 });
    expect(await ledger.totals([intent.attemptId])).toMatchObject([{ cost: 400n, tokens: 36 }]);
    const { rows } = await test.admin.query(
      `select cost, input_tokens, output_tokens, status from ledger.attempt_log where attempt_id = $1 and class = 'adjust'`,
      [intent.attemptId],
    );
    expect(rows).toEqual([{ cost: '-600', input_tokens: '-490', output_tokens: '20', status: 'SUCCESS' }]);
  });

  it('keeps the new rows of a batch whose others are there already', async () => {
    const [known, unknown] = [anIntent(test.owner), anIntent(test.owner)];
    await ledger.append([known, aClose(known)]);
    const batch = [known, unknown, aClose(known), aClose(unknown)];
    expect(await ledger.append(batch)).toEqual({ inserted: 2, adjusted: 0 });
    expect(await ledger.append(batch)).toEqual({ inserted: 0, adjusted: 0 });
  });

  it('wakes the projections for a close, settled or given up, and leaves them asleep for an intent', async () => {
    const [settled, givenUp] = [anIntent(test.owner), anIntent(test.owner)];
    const heard: string[] = [];
    const listener = new pg.Client({ connectionString: test.url });
    await listener.connect();
    listener.on('notification', ({ channel }) => heard.push(channel));
    const heardAfter = async (change: Promise<unknown>): Promise<number> => {
      await change;
      await listener.query('select');
      return heard.length;
    };
    try {
      await listener.query('listen ledger');
      expect(await heardAfter(ledger.append([settled, givenUp]))).toBe(0);
      expect(await heardAfter(ledger.append([aClose(settled)]))).toBe(1);
      expect(await heardAfter(ledger.closeProvisionally([givenUp.attemptId]))).toBe(2);
      expect(await heardAfter(ledger.append([aClose(givenUp)]))).toBe(3);
    } finally {
      await listener.end();
    }
  });

  it('lets a provisional close never replace a settlement', async () => {
    const intent = anIntent(test.owner);
    await ledger.append([intent, aClose(intent)]);
    expect(await ledger.closeProvisionally([intent.attemptId])).toBe(0);
    expect(await ledger.totals([intent.attemptId])).toMatchObject([{ cost: 400n }]);
  });
});

/** A batch as proxies of the former release send it, and what is appended of it. */
async function appendWhole(records: readonly AttemptRecord[]) {
  const { rows: sent } = await test.admin.query<{ literal: string }>(
    'select array(select r from ledger.attempt_rows($1, $2) r)::text as literal',
    [toRowParts(records).shared, toRowParts(records).own],
  );
  const { rows } = await test.pool.query('select inserted, adjusted from ledger.append($1)', [
    sent[0]?.literal,
  ]);
  return rows[0] as { readonly inserted: number; readonly adjusted: number };
}

describe('ledger.append of whole rows, as former releases send them', () => {
  it('keeps every value of a batch', async () => {
    await fc.assert(
      fc.asyncProperty(batches, async (batch) => {
        expect(await appendWhole(batch)).toEqual({ inserted: batch.length, adjusted: 0 });
        await expectRows(batch);
      }),
      { numRuns: 20 },
    );
  });

  it('takes an empty batch, which is how a proxy asks whether the ledger is back', async () => {
    expect(await appendWhole([])).toEqual({ inserted: 0, adjusted: 0 });
    expect(await ledger.append([])).toEqual({ inserted: 0, adjusted: 0 });
  });

  it('appends each row once, whichever form it came in first', async () => {
    const [one, other] = [anIntent(test.owner), anIntent(test.owner)];
    expect(await appendWhole([one, aClose(one)])).toEqual({ inserted: 2, adjusted: 0 });
    expect(await ledger.append([one, aClose(one), other])).toEqual({ inserted: 1, adjusted: 0 });
    expect(await appendWhole([other, aClose(other)])).toEqual({ inserted: 1, adjusted: 0 });
  });

  it('turns a settlement after a provisional close into one difference, whichever form comes again', async () => {
    const intent = anIntent(test.owner);
    await ledger.append([intent]);
    await ledger.closeProvisionally([intent.attemptId]);
    expect(await appendWhole([aClose(intent)])).toEqual({ inserted: 0, adjusted: 1 });
    expect(await ledger.append([aClose(intent)])).toEqual({ inserted: 0, adjusted: 0 });
    expect(await ledger.totals([intent.attemptId])).toMatchObject([{ cost: 400n, tokens: 36 }]);
  });
});
