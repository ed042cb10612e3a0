import { appendFileSync, readdirSync, truncateSync, statSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { AttemptRecord } from '@weir/contracts/attempt-record';
import { createJournal, listJournal, readJournalSegment } from './journal.ts';
import { encodeRecord } from './record-codec.ts';
import { createSpill, type Spill } from './spill.ts';
import { aClose, anIntent, anOwner } from './test-attempts.ts';
import { aHome } from './test-ledger.ts';

const owner = anOwner();
const clock = { now: () => Date.now() };
let home: ReturnType<typeof aHome>;

beforeEach(() => {
  home = aHome();
});
afterEach(() => home.remove());

const spillOf = (fileBytes = 2_000): Spill =>
  createSpill({ folder: home.path, clock, bytesMax: 20_000, fileBytes });

async function readAll(spill: Spill): Promise<AttemptRecord[]> {
  const records: AttemptRecord[] = [];
  for (let file = await spill.oldest(); file; file = await spill.oldest()) {
    records.push(...file.records);
    await file.done();
  }
  return records;
}

describe('the spill', () => {
  it('gives back every record in order, across files and after a restart', async () => {
    const records = Array.from({ length: 40 }, () => aClose(anIntent(owner)));
    const first = spillOf();
    for (let from = 0; from < records.length; from += 7) first.append(records.slice(from, from + 7));
    expect(readdirSync(home.path).length).toBeGreaterThan(2);
    const second = spillOf();
    expect(second.bytes()).toBe(first.bytes());
    expect(await readAll(second)).toEqual(records);
    expect(second.bytes()).toBe(0);
    expect(readdirSync(home.path)).toEqual([]);
  });

  it('never hands out a file that is still written', async () => {
    const spill = spillOf();
    const [a, b] = [anIntent(owner), anIntent(owner)];
    spill.append([a]);
    const file = await spill.oldest();
    spill.append([b]);
    await file?.done();
    expect(await readAll(spill)).toEqual([b]);
  });

  it('loses no earlier record to a last line that was cut anywhere', async () => {
    const records = [anIntent(owner), aClose(anIntent(owner)), aClose(anIntent(owner))];
    await fc.assert(
      fc.asyncProperty(fc.nat(), async (seed) => {
        const spill = spillOf(100_000);
        spill.append(records.slice(0, 2));
        const whole = spill.bytes();
        spill.append(records.slice(2));
        spill.close();
        const [name = ''] = readdirSync(home.path);
        const path = join(home.path, name);
        truncateSync(path, whole + (seed % (statSync(path).size - whole)));
        const file = await spillOf().oldest();
        expect(file?.records).toEqual(records.slice(0, 2));
        expect(file?.damaged).toEqual([]);
        await file?.done();
      }),
      { numRuns: 30 },
    );
  });

  it('is full at its bound, still takes what is running, and is open again when it was replayed', async () => {
    const spill = spillOf();
    while (!spill.isFull()) spill.append([anIntent(owner)]);
    const last = aClose(anIntent(owner));
    spill.append([last]);
    expect((await readAll(spill)).at(-1)).toEqual(last);
    expect(spill.isFull()).toBe(false);
  });
});

describe('the journal', () => {
  const journalOf = (segmentBytes: number) =>
    createJournal({ folder: home.path, clock, segmentBytes, segmentMs: 60_000 });

  it('deletes a segment when all of its attempts are closed, and not before', () => {
    const journal = journalOf(1_500);
    const segments = Array.from({ length: 12 }, () => journal.append([encodeRecord(anIntent(owner))]));
    const files = listJournal(home.path).length;
    expect(files).toBeGreaterThan(2);
    expect(new Set(segments).size).toBe(files);
    const [first = 0] = segments;
    const inFirst = segments.filter((segment) => segment === first);
    for (const segment of inFirst.slice(1)) journal.release(segment);
    expect(listJournal(home.path)).toHaveLength(files);
    journal.release(first);
    expect(listJournal(home.path)).toHaveLength(files - 1);
    for (const segment of segments.filter((other) => other !== first)) journal.release(segment);
    journal.close();
    expect(listJournal(home.path)).toEqual([]);
  });

  it('proves every attempt to the next process, a torn last line aside', async () => {
    const intents = Array.from({ length: 5 }, () => anIntent(owner));
    const records = [...intents, ...intents.slice(2).map((intent) => aClose(intent))];
    const journal = journalOf(1_000_000);
    const lines = records.map((record) => encodeRecord(record));
    journal.append(lines.slice(0, 2));
    journal.append(lines.slice(2));
    journal.close();
    const [path = ''] = listJournal(home.path);
    appendFileSync(path, '0123abcd ["intent.1",[');
    expect(await readJournalSegment(path)).toEqual({ path, records, damagedLines: 0 });
  });
});
