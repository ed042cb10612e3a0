import { closeSync, mkdirSync, openSync, readdirSync, rmSync, writeSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { AttemptRecord } from '@weir/contracts/attempt-record';
import type { Clock } from '@weir/kernel/clock';
import { frameLine, unframeLines } from './framed-lines.ts';
import { decodeRecord } from './record-codec.ts';

/**
 * Evidence of attempts that neither a kill of the proxy nor a flush of its counter store takes away: a line for the
 * intent, appended before dispatch, and one for the close, appended before the counters hear of it; both without fsync.
 * It outlives the process, not the machine. A segment is deleted once the attempts of all its lines are closed durably.
 */
export interface Journal {
  /**
   * Some microseconds, synchronous; one write however many there are.
   * @param evidence Attempts' intents and closes as `encodeRecord` writes them.
   * @returns The segment, to be released once for each line when its attempt is closed durably.
   * @throws When the disk refuses; lines may then be missing.
   */
  append(evidence: readonly string[]): number;
  release(segment: number): void;
  close(): void;
}

export interface JournalOptions {
  readonly folder: string;
  readonly clock: Clock;
  readonly segmentBytes: number;
  readonly segmentMs: number;
}

interface Segment {
  readonly path: string;
  readonly fd: number;
  readonly openedAtMs: number;
  bytes: number;
  openLines: number;
}

export function createJournal(options: JournalOptions): Journal {
  const { folder, clock, segmentBytes, segmentMs } = options;
  mkdirSync(folder, { recursive: true });
  const segments = new Map<number, Segment>();
  let current = 0;
  let opened = 0;

  const seal = (id: number): void => {
    const segment = segments.get(id);
    if (!segment) return;
    closeSync(segment.fd);
    if (id === current) current = 0;
    if (segment.openLines === 0) remove(id, segment);
  };
  const remove = (id: number, segment: Segment): void => {
    segments.delete(id);
    rmSync(segment.path, { force: true });
  };
  const open = (nowMs: number): Segment => {
    const id = ++opened;
    const path = join(folder, `${String(nowMs).padStart(15, '0')}-${process.pid}-${id}.ndjson`);
    const segment = { path, fd: openSync(path, 'ax'), openedAtMs: nowMs, bytes: 0, openLines: 0 };
    segments.set(id, segment);
    current = id;
    return segment;
  };

  return {
    append(evidence) {
      const nowMs = clock.now();
      let segment = segments.get(current);
      if (segment && (segment.bytes >= segmentBytes || nowMs - segment.openedAtMs >= segmentMs)) {
        seal(current);
        segment = undefined;
      }
      segment ??= open(nowMs);
      const lines = Buffer.from(evidence.map(frameLine).join(''));
      const written = writeSync(segment.fd, lines);
      segment.bytes += written;
      if (written !== lines.length) {
        // The torn line must stay the last one of its segment.
        seal(current);
        throw new Error(`journal took ${written} of ${lines.length} bytes`);
      }
      segment.openLines += evidence.length;
      return current;
    },
    release(id) {
      const segment = segments.get(id);
      if (!segment) return;
      segment.openLines--;
      if (segment.openLines === 0 && id !== current) remove(id, segment);
    },
    close() {
      if (current !== 0) seal(current);
    },
  };
}

export interface JournalLeftover {
  readonly path: string;
  readonly records: readonly AttemptRecord[];
  /** Complete lines that could not be read; a torn last line is expected after a kill and not counted. */
  readonly damagedLines: number;
}

/** The segments of earlier processes; call it before the first append. */
export function listJournal(folder: string): readonly string[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.ndjson'))
    .sort()
    .map((name) => join(folder, name));
}

export async function readJournalSegment(path: string): Promise<JournalLeftover> {
  const { texts, damaged } = unframeLines(await readFile(path, 'utf8'));
  const records = texts.map((text) => decodeRecord(text)).filter((record) => record !== undefined);
  return { path, records, damagedLines: damaged.length + texts.length - records.length };
}
