import { endOfFirstEvent, endOfPlainEvents, type EventReader } from './event-reader.ts';
import { bytesAsText } from './piece-text.ts';
import type { Forward } from './relay.ts';

const LF = 0x0a;
const CR = 0x0d;

/** Hands on a stream of events without some of them. */
export interface EventGate {
  push(chunk: Buffer, forward: Forward): void;
  end(forward: Forward): void;
}

/**
 * Holds back the unfinished event, at most as much of it as can still turn out to be one that is dropped. An LF that
 * follows an event which ended with CR shares its fate: it is the second half of that event's blank line.
 * @param reader Reads all events, and says which are dropped.
 * @param reporting Is in the text of every event that may be dropped.
 */
export function createEventGate(eventBytesMax: number, reader: EventReader, reporting: RegExp): EventGate {
  let held: Buffer[] = [];
  let heldBytes = 0;
  let pendingLineFeed: 'none' | 'passes' | 'is dropped' = 'none';

  function release(forward: Forward): void {
    for (const part of held) forward(part);
    held = [];
    heldBytes = 0;
  }

  function hold(rest: Buffer, forward: Forward): void {
    held.push(rest);
    heldBytes += rest.length;
    if (heldBytes > eventBytesMax) release(forward);
  }

  function pushEvents(chunk: Buffer, forward: Forward): void {
    const startsWithLineFeed = pendingLineFeed !== 'none' && chunk[0] === LF;
    let done = startsWithLineFeed ? 1 : 0;
    let runStart = pendingLineFeed === 'is dropped' ? done : 0;
    pendingLineFeed = 'none';
    for (const event of reader.events(chunk)) {
      const dropped = reader.look(event);
      if (dropped) {
        if (done > runStart) forward(chunk.subarray(runStart, done));
        held = [];
        heldBytes = 0;
      } else {
        release(forward);
      }
      done = endOfBlankLine(chunk, event.end);
      if (dropped) runStart = done;
      if (done === chunk.length && chunk[done - 1] === CR)
        pendingLineFeed = dropped ? 'is dropped' : 'passes';
    }
    if (done > runStart) forward(done - runStart === chunk.length ? chunk : chunk.subarray(runStart, done));
    if (done < chunk.length) hold(done === 0 ? chunk : chunk.subarray(done), forward);
  }

  return {
    push(chunk, forward) {
      if (chunk.length === 0) return;
      const text = bytesAsText(chunk);
      const from = reader.isBetweenEvents ? 0 : endOfFirstEvent(text);
      if (from > 0) pushEvents(chunk.subarray(0, from), forward);
      const to = reader.isBetweenEvents ? endOfPlainEvents(text, from, reporting) : from;
      if (to > from) {
        // Nothing in there is dropped, so it passes before it is read.
        const plain = from === 0 && to === chunk.length ? chunk : chunk.subarray(from, to);
        forward(plain);
        reader.add(plain);
      }
      if (to < chunk.length) pushEvents(chunk.subarray(to), forward);
    },
    end(forward) {
      if (!reader.end()) release(forward);
    },
  };
}

function endOfBlankLine(chunk: Buffer, end: number): number {
  return chunk[end - 1] === CR && chunk[end] === LF ? end + 1 : end;
}
