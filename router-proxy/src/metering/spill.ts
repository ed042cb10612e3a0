import { closeSync, mkdirSync, openSync, readdirSync, statSync, writeSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { AttemptRecord } from '@weir/contracts/attempt-record';
import type { Clock } from '@weir/kernel/clock';
import { frameLine, unframeLines } from './framed-lines.ts';
import { decodeRecord, encodeRecord } from './record-codec.ts';

/** Records on disk while Postgres does not take them: append-only files, replayed oldest first and then deleted. */
export interface Spill {
  /**
   * Synchronous, so that a record is either in memory or on disk. It writes beyond the bound, too: what is running
   * must be recorded; the bound only ends the acceptance of new requests.
   * @throws When the disk refuses; then none or some of the records are there and all may be appended again.
   */
  append(records: readonly AttemptRecord[]): void;
  /** The oldest file, sealed against further appends; undefined when nothing is left to replay. */
  oldest(): Promise<SpillFile | undefined>;
  bytes(): number;
  /** Age of the oldest file, 0 without one. */
  ageMs(): number;
  isFull(): boolean;
  close(): void;
}

export interface SpillFile {
  readonly records: readonly AttemptRecord[];
  /** Complete lines that could not be read; kept for the dead letters. */
  readonly damaged: readonly string[];
  /** Whether the last append was interrupted. Its record is proven by the journal or the counter store. */
  readonly isTorn: boolean;
  /** Deletes the file: everything in it is durable elsewhere. */
  done(): Promise<void>;
}

export interface SpillOptions {
  readonly folder: string;
  readonly clock: Clock;
  readonly bytesMax: number;
  readonly fileBytes: number;
}

interface Entry {
  readonly path: string;
  readonly createdAtMs: number;
  bytes: number;
}

export function createSpill(options: SpillOptions): Spill {
  const { folder, clock, bytesMax, fileBytes } = options;
  mkdirSync(folder, { recursive: true });
  const entries: Entry[] = listEntries(folder);
  let totalBytes = entries.reduce((sum, entry) => sum + entry.bytes, 0);
  let writing: { readonly entry: Entry; readonly fd: number } | undefined;
  let opened = 0;

  const seal = (): void => {
    if (!writing) return;
    closeSync(writing.fd);
    writing = undefined;
  };
  const open = () => {
    const createdAtMs = clock.now();
    const name = `${String(createdAtMs).padStart(15, '0')}-${process.pid}-${String(++opened).padStart(8, '0')}.ndjson`;
    const entry = { path: join(folder, name), createdAtMs, bytes: 0 };
    writing = { entry, fd: openSync(entry.path, 'ax') };
    entries.push(entry);
    return writing;
  };

  return {
    append(records) {
      if (records.length === 0) return;
      const content = Buffer.from(records.map((record) => frameLine(encodeRecord(record))).join(''));
      if (writing && writing.entry.bytes >= fileBytes) seal();
      const { entry, fd } = writing ?? open();
      let written = 0;
      try {
        while (written < content.length) written += writeSync(fd, content, written);
      } catch (error) {
        // The file ends in a torn line; nothing may follow it.
        seal();
        throw error;
      } finally {
        entry.bytes += written;
        totalBytes += written;
      }
    },
    async oldest() {
      const entry = entries[0];
      if (!entry) return undefined;
      if (writing?.entry === entry) seal();
      const { texts, damaged, torn } = unframeLines(await readFile(entry.path, 'utf8'));
      const { records, unknown } = decodeAll(texts);
      return {
        records,
        damaged: [...damaged, ...unknown],
        isTorn: torn !== '',
        async done() {
          await rm(entry.path, { force: true });
          const index = entries.indexOf(entry);
          if (index < 0) return;
          entries.splice(index, 1);
          totalBytes -= entry.bytes;
        },
      };
    },
    bytes: () => totalBytes,
    ageMs: () => (entries[0] ? Math.max(0, clock.now() - entries[0].createdAtMs) : 0),
    isFull: () => totalBytes >= bytesMax,
    close: seal,
  };
}

function listEntries(folder: string): Entry[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.ndjson'))
    .sort()
    .map((name) => {
      const path = join(folder, name);
      return { path, createdAtMs: Number.parseInt(name, 10) || 0, bytes: statSync(path).size };
    });
}

function decodeAll(texts: readonly string[]) {
  const records: AttemptRecord[] = [];
  const unknown: string[] = [];
  for (const text of texts) {
    const record = decodeRecord(text);
    if (record) records.push(record);
    else unknown.push(text);
  }
  return { records, unknown };
}
