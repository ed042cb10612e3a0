/** One dispatched event of a stream of server-sent events. */
export interface SseEvent {
  /** The `data` lines joined by line feeds; null when the event carries no data or was too long to keep. */
  readonly data: Buffer | null;
  /** Where the event ends within the chunk that completed it, its blank line included. */
  readonly end: number;
}

export interface SseParser {
  /** The events that this chunk completes, in order. */
  push(chunk: Buffer): readonly SseEvent[];
  /** Nothing more comes: what no blank line followed is taken for an event all the same. Null where there is nothing left. */
  end(): SseEvent | null;
  /** Whether what was pushed ends with the end of an event, so that whole events may pass without being pushed. */
  readonly isBetweenEvents: boolean;
}

const CR = 0x0d;
const LF = 0x0a;
const SPACE = 0x20;
const DATA_FIELD = Buffer.from('data:');
const NOTHING = Buffer.alloc(0);
const BYTE_ORDER_MARK = Buffer.from([0xef, 0xbb, 0xbf]);

/**
 * Finds events in bytes, however they are cut: lines end with LF, CRLF or CR, characters may be split. It never
 * decodes, and keeps at most `eventBytesMax` of an unfinished event; a longer one is passed over (`data` null).
 *
 * An event whose blank line is a lone CR is complete at once; should an LF follow, it belongs to that line and is
 * passed over at the start of the next event, so the events do not depend on how the bytes were cut.
 */
export function createSseParser(eventBytesMax: number): SseParser {
  let kept: Buffer[] = [];
  let keptBytes = 0;
  let isTooLong = false;
  let lineBytes = 0;
  let isAfterCr = false;
  let isFirst = true;

  function keep(part: Buffer): void {
    keptBytes += part.length;
    if (keptBytes > eventBytesMax) {
      isTooLong = true;
      kept = [];
    }
    if (!isTooLong && part.length > 0) kept.push(part);
  }

  /** @param last What the completing chunk adds to the parts kept before. */
  function complete(last: Buffer, end: number): SseEvent {
    keep(last);
    const [only] = kept;
    const whole = kept.length === 1 && only ? only : Buffer.concat(kept);
    const data = isTooLong ? null : dataOf(isFirst ? withoutMark(whole) : whole);
    kept = [];
    keptBytes = 0;
    isTooLong = false;
    isFirst = false;
    return { data, end };
  }

  /**
   * Lines that end with LF alone, as nearly all do, are found without looking at each byte, and an event of one line of
   * data that lies within its chunk as a whole, as nearly every event does, is taken without being put together.
   * @returns Where the unfinished event begins.
   */
  function takeLines(chunk: Buffer, events: SseEvent[]): number {
    let from = 0;
    let at = 0;
    for (;;) {
      const lineEnd = chunk.indexOf(LF, at);
      if (lineEnd === -1) break;
      const isWhole = at === from && keptBytes === 0 && lineBytes === 0 && chunk[lineEnd + 1] === LF;
      lineBytes += lineEnd - at;
      at = lineEnd + 1;
      if (isWhole && at + 1 - from <= eventBytesMax && startsWithData(chunk, from)) {
        const text = chunk[from + 5] === SPACE ? from + 6 : from + 5;
        at++;
        events.push({ data: chunk.subarray(Math.min(text, lineEnd), lineEnd), end: at });
        isFirst = false;
        from = at;
      } else if (lineBytes === 0) {
        events.push(complete(chunk.subarray(from, at), at));
        from = at;
      }
      lineBytes = 0;
    }
    lineBytes += chunk.length - at;
    return from;
  }

  function takeBytes(chunk: Buffer, events: SseEvent[]): number {
    let from = 0;
    for (let at = 0; at < chunk.length; at++) {
      const byte = chunk[at];
      if (byte === LF && isAfterCr) {
        isAfterCr = false;
      } else if (byte === LF || byte === CR) {
        if (lineBytes === 0) {
          events.push(complete(chunk.subarray(from, at + 1), at + 1));
          from = at + 1;
        }
        lineBytes = 0;
        isAfterCr = byte === CR;
      } else {
        lineBytes++;
        isAfterCr = false;
      }
    }
    return from;
  }

  return {
    get isBetweenEvents() {
      return keptBytes === 0 && !isAfterCr;
    },
    push(chunk) {
      const events: SseEvent[] = [];
      const from = isAfterCr || chunk.includes(CR) ? takeBytes(chunk, events) : takeLines(chunk, events);
      if (from < chunk.length) keep(from === 0 ? chunk : chunk.subarray(from));
      return events;
    },
    end: () => (keptBytes === 0 ? null : complete(NOTHING, 0)),
  };
}

function withoutMark(event: Buffer): Buffer {
  return event.subarray(0, 3).equals(BYTE_ORDER_MARK) ? event.subarray(3) : event;
}

function dataOf(event: Buffer): Buffer | null {
  let found: Buffer[] | undefined;
  let start = 0;
  const hasCr = event.includes(CR);
  while (start < event.length) {
    const end = hasCr ? lineEndByByte(event, start) : lineEndOf(event, start);
    if (startsWithData(event, start)) {
      const from = event[start + 5] === SPACE ? start + 6 : start + 5;
      (found ??= []).push(event.subarray(Math.min(from, end), end));
    }
    start = end + 1;
  }
  if (!found) return null;
  const [only] = found;
  return found.length === 1 && only ? only : joinLines(found);
}

function lineEndOf(event: Buffer, start: number): number {
  const end = event.indexOf(LF, start);
  return end === -1 ? event.length : end;
}

function lineEndByByte(event: Buffer, start: number): number {
  let end = start;
  while (end < event.length && event[end] !== LF && event[end] !== CR) end++;
  return end;
}

function startsWithData(event: Buffer, at: number): boolean {
  for (let index = 0; index < DATA_FIELD.length; index++) {
    if (event[at + index] !== DATA_FIELD[index]) return false;
  }
  return true;
}

function joinLines(lines: readonly Buffer[]): Buffer {
  const lineFeed = Buffer.from('\n');
  return Buffer.concat(lines.flatMap((line, index) => (index === 0 ? [line] : [lineFeed, line])));
}
