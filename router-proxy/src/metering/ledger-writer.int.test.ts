import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { AttemptClose, AttemptIntent } from '@weir/contracts/attempt-record';
import { nanoUsd } from '@weir/kernel/money';
import { aClose, anIntent, type TestOwner } from './test-attempts.ts';
import {
  aHome,
  createTestLedger,
  createTestWriter,
  eventually,
  soon,
  type TestLedger,
} from './test-ledger.ts';
import { createTestLink, type TestLink } from './test-link.ts';

let test: TestLedger;
let home: ReturnType<typeof aHome>;
let link: TestLink;

beforeEach(async () => {
  test = await createTestLedger();
  home = aHome();
  link = await createTestLink(test.url);
});
afterEach(async () => {
  await test.drop();
  await link.close();
  await home.remove();
});

interface Load {
  readonly intents: readonly AttemptIntent[];
  readonly closes: readonly AttemptClose[];
}

function aLoad(owner: TestOwner, attempts: number): Load {
  const intents = Array.from({ length: attempts }, () => anIntent(owner));
  return {
    intents,
    closes: intents.map((intent, index) => aClose(intent, { cost: nanoUsd(BigInt(index)) })),
  };
}

/** Every attempt has exactly one close, at most one intent and nothing else, and the sums are equal. */
async function expectExactly({ intents, closes }: Load): Promise<void> {
  const rows = await test.rows();
  const of = (kind: string) => rows.filter((row) => row.class === kind).map((row) => row.attempt_id);
  const known = new Set(intents.map((intent) => intent.attemptId));
  expect(of('intent').filter((id) => !known.has(id))).toEqual([]);
  expect(new Set(of('intent')).size).toBe(of('intent').length);
  expect(of('close').toSorted()).toEqual(closes.map((close) => close.attemptId).toSorted());
  const sum = rows.reduce((total, row) => total + BigInt(row.cost), 0n);
  expect(sum).toBe(closes.reduce((total, close) => total + close.cost, 0n));
}

describe('the ledger writer', () => {
  it('writes each record once although every one of them is queued twice', async () => {
    const load = aLoad(test.owner, 300);
    const { writer, durable } = createTestWriter(test.pool, home.path, { flushRows: 50 });
    for (const round of [0, 1]) {
      for (const record of [...load.intents, ...load.closes]) writer.enqueue(record);
      if (round === 0) writer.flush();
    }
    await writer.settled(soon());
    await expectExactly(load);
    // Every close came before its intent had left, and took its place.
    expect(durable).toHaveLength(600);
    await writer.stop(soon());
  });

  it('writes one row for an attempt that ends soon, and the intent of one that runs before it ends', async () => {
    const [short, long] = [anIntent(test.owner), anIntent(test.owner)];
    const { writer } = createTestWriter(test.pool, home.path, { intentMs: 50, flushMs: 5 });
    writer.enqueue(long);
    writer.enqueue(short);
    writer.enqueue(aClose(short));
    await eventually(async () => (await test.rows()).length === 2);
    const kinds = new Map((await test.rows()).map((row) => [row.attempt_id, row.kind]));
    expect(kinds).toEqual(
      new Map([
        [long.attemptId, 'intent'],
        [short.attemptId, 'settled'],
      ]),
    );
    writer.enqueue(aClose(long));
    await writer.settled(soon());
    await expectExactly({ intents: [short, long], closes: [aClose(short), aClose(long)] });
    await writer.stop(soon());
  });

  it('writes at once after a pause, and gathers what comes soon after a batch into one', async () => {
    const load = aLoad(test.owner, 3);
    const [first, ...rest] = load.closes;
    const pace = { flushMs: 1, paceMs: 60_000, flushRows: 2 };
    const { writer } = createTestWriter(test.pool, home.path, pace);
    for (const close of first ? [first] : []) writer.enqueue(close);
    await eventually(async () => (await test.rows()).length === 1);
    for (const close of rest) {
      writer.enqueue(close);
      // Time for a batch of its own.
      for (let times = 0; times < 5; times++) await test.admin.query('select 1');
    }
    await eventually(async () => (await test.rows()).length === 3);
    const { rows: transactions } = await test.admin.query('select distinct xid from ledger.attempt_log');
    expect(transactions).toHaveLength(2);
    await expectExactly(load);
    await writer.stop(soon());
  });

  it('writes intents at once when asked to flush', async () => {
    const intent = anIntent(test.owner);
    const { writer } = createTestWriter(test.pool, home.path, { intentMs: 60_000, flushMs: 60_000 });
    writer.enqueue(intent);
    writer.flush();
    await eventually(async () => (await test.rows()).length === 1);
    await writer.stop(soon());
  });

  it('spills while Postgres is away and replays to equal sums when it is back', async () => {
    const load = aLoad(test.owner, 600);
    const { writer, spill, durable } = createTestWriter(test.poolOn(link.url), home.path, { flushRows: 20 });
    const records = [...load.intents, ...load.closes];
    for (const record of records.slice(0, 300)) writer.enqueue(record);
    await eventually(() => durable.length >= 100);
    link.cut();
    for (const record of records.slice(300, 900)) writer.enqueue(record);
    await eventually(() => spill.bytes() > 0 && writer.queuedRows() === 0);
    expect(writer.isAccepting()).toBe(true);
    link.mend();
    for (const record of records.slice(900)) writer.enqueue(record);
    await writer.settled(soon());
    expect(spill.bytes()).toBe(0);
    await expectExactly(load);
    await writer.stop(soon());
  });

  it('goes on after Postgres ended its connections in the middle of the load', async () => {
    const load = aLoad(test.owner, 400);
    const { writer } = createTestWriter(test.pool, home.path, { flushRows: 10 });
    for (const [index, record] of [...load.intents, ...load.closes].entries()) {
      writer.enqueue(record);
      if (index % 200 !== 100) continue;
      await test.admin.query(
        `select pg_terminate_backend(pid) from pg_stat_activity
         where datname = current_database() and application_name = 'test'`,
      );
    }
    await writer.settled(soon());
    await expectExactly(load);
    await writer.stop(soon());
  });

  it('is not held up by a server that has fallen silent', async () => {
    const load = aLoad(test.owner, 100);
    const options = { queryTimeoutMs: 150 };
    const { writer, spill } = createTestWriter(test.poolOn(link.url), home.path, options);
    link.freeze();
    for (const record of [...load.intents, ...load.closes]) writer.enqueue(record);
    await eventually(() => spill.bytes() > 0);
    link.mend();
    await writer.settled(soon());
    await expectExactly(load);
    await writer.stop(soon());
  });

  it('leaves on disk what it cannot write before it stops, and the next one replays it', async () => {
    const load = aLoad(test.owner, 50);
    const first = createTestWriter(test.poolOn(link.url), home.path, { spillAfterMs: 60_000 });
    link.cut();
    for (const record of [...load.intents, ...load.closes]) first.writer.enqueue(record);
    await first.writer.stop(soon(50));
    first.writer.enqueue(load.closes[0] ?? aClose(anIntent(test.owner)));
    const second = createTestWriter(test.pool, home.path);
    await second.writer.settled(soon());
    await expectExactly(load);
    await second.writer.stop(soon());
  });

  it('keeps its memory bounded: what is beyond goes to disk', async () => {
    const load = aLoad(test.owner, 500);
    const options = { queueRowsMax: 100, spillAfterMs: 60_000, queryTimeoutMs: 60_000 };
    const { writer, spill } = createTestWriter(test.poolOn(link.url), home.path, options);
    link.freeze();
    for (const record of [...load.intents, ...load.closes]) writer.enqueue(record);
    await eventually(() => spill.bytes() > 0);
    link.cut();
    link.mend();
    await writer.settled(soon());
    await expectExactly(load);
    await writer.stop(soon());
  });

  it('refuses new work when the spill is full, and takes it again after the replay', async () => {
    const options = { spillBytesMax: 5_000 };
    const { writer } = createTestWriter(test.poolOn(link.url), home.path, options);
    const load = aLoad(test.owner, 20);
    link.cut();
    for (const record of [...load.intents, ...load.closes]) writer.enqueue(record);
    await eventually(() => !writer.isAccepting());
    link.mend();
    await eventually(() => writer.isAccepting());
    await writer.settled(soon());
    await expectExactly(load);
    await writer.stop(soon());
  });

  it('sets a row aside that Postgres refuses for good and writes all others', async () => {
    const load = aLoad(test.owner, 40);
    const poison = aClose(anIntent(test.owner), { cost: nanoUsd(2n ** 63n) });
    const { writer } = createTestWriter(test.pool, home.path);
    for (const record of [...load.intents, poison, ...load.closes]) writer.enqueue(record);
    await writer.settled(soon());
    await expectExactly(load);
    const letters = (await readFile(join(home.path, 'dead-letters.ndjson'), 'utf8')).trim().split('\n');
    expect(letters).toHaveLength(1);
    expect(letters[0]).toContain(poison.attemptId);
    await writer.stop(soon());
  });
});
