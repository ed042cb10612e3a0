import type { Forward } from './relay.ts';
import type { SseEvent } from './sse-parser.ts';

const LF = 0x0a;
const CR = 0x0d;

/** Hands on a stream of events without some of them. */
export interface EventGate {
  push(
    chunk: Buffer,
    events: readonly SseEvent[],
    isDropped: (event: SseEvent) => boolean,
    forward: Forward,
  ): void;
  end(forward: Forward): void;
}

/**
 * Holds back the unfinished event, at most as much of it as can still turn out to be one that is dropped. An LF that
 * follows an event which ended with CR shares its fate: it is the second half of that event's blank line.
 */
export function createEventGate(eventBytesMax: number): EventGate {
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

  return {
    push(chunk, events, isDropped, forward) {
      if (chunk.length === 0) return;
      const startsWithLineFeed = pendingLineFeed !== 'none' && chunk[0] === LF;
      let done = startsWithLineFeed ? 1 : 0;
      let runStart = pendingLineFeed === 'is dropped' ? done : 0;
      pendingLineFeed = 'none';
      for (const event of events) {
        const dropped = isDropped(event);
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
    },
    end: release,
  };
}

function endOfBlankLine(chunk: Buffer, end: number): number {
  return chunk[end - 1] === CR && chunk[end] === LF ? end + 1 : end;
}
