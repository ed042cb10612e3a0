import type { Usage } from '@weir/kernel/usage';
import { estimateTokens, readChatUsage } from './chat-usage.ts';
import { providerErrorIn } from './provider-error.ts';
import type { Forward, Relay } from './relay.ts';
import { createSseParser, type SseEvent } from './sse-parser.ts';

/** Longer events pass unseen. The longest that matter carry a whole tool call. */
const EVENT_BYTES_MAX = 1_048_576;
const LF = 0x0a;
const CR = 0x0d;

/**
 * A key in an event's JSON. Inside a JSON text a quote is escaped, so these bytes cannot be part of any content.
 */
const USAGE_KEY = Buffer.from('"usage"');
const TEXT_KEYS = ['content', 'reasoning_content', 'reasoning', 'refusal', 'arguments'].map((name) =>
  Buffer.from(`"${name}":`),
);

/**
 * The relay of a streamed chat completion. Without `dropUsage` every chunk passes at once and untouched; with it the
 * tail of a chunk that is not yet a whole event waits for the rest, because it might be the usage event that the
 * client did not ask for.
 */
export function createChatStreamRelay(options: { readonly dropUsage: boolean }): Relay {
  const parser = createSseParser(EVENT_BYTES_MAX);
  const gate = options.dropUsage ? createEventGate() : undefined;
  let usage: Usage | null = null;
  let outputTokens = 0;
  let failure: string | null = null;

  /** @returns Whether the event is nothing but a report of usage. */
  function look(event: SseEvent): boolean {
    const { data } = event;
    if (data === null) return false;
    outputTokens += tokensIn(data);
    failure ??= providerErrorIn(data);
    const report = usageIn(data);
    if (!report) return false;
    usage = report.usage ?? usage;
    return report.isAlone;
  }

  return {
    isVerbatim: !options.dropUsage,
    push(chunk, forward) {
      const events = parser.push(chunk);
      if (gate) return gate.push(chunk, events, look, forward);
      for (const event of events) look(event);
      forward(chunk);
    },
    end(forward) {
      gate?.end(forward);
    },
    usage: () => usage,
    failure: () => failure,
    outputTokensSeen: () => outputTokens,
  };
}

interface EventGate {
  push(
    chunk: Buffer,
    events: readonly SseEvent[],
    isDropped: (event: SseEvent) => boolean,
    forward: Forward,
  ): void;
  end(forward: Forward): void;
}

/**
 * Holds back the unfinished event, at most as much of it as can still turn out to be a usage event. An LF that
 * follows an event which ended with CR shares its fate: it is the second half of that event's blank line.
 */
function createEventGate(): EventGate {
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
    if (heldBytes > EVENT_BYTES_MAX) release(forward);
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

/** Usage is looked for in the bytes first: parsing every event would cost more than forwarding it. */
function usageIn(data: Buffer): { readonly usage: Usage | null; readonly isAlone: boolean } | undefined {
  const at = data.indexOf(USAGE_KEY);
  if (at === -1 || !opensObject(data, at + USAGE_KEY.length)) return undefined;
  let event: unknown;
  try {
    event = JSON.parse(data.toString('utf8'));
  } catch {
    return undefined;
  }
  if (typeof event !== 'object' || event === null || !('usage' in event)) return undefined;
  const choices = 'choices' in event ? event.choices : undefined;
  return {
    usage: readChatUsage(event.usage),
    isAlone: Array.isArray(choices) && choices.length === 0,
  };
}

/** `"usage":null` is in every event of some providers and means nothing yet. */
function opensObject(data: Buffer, from: number): boolean {
  for (let at = from; at < data.length; at++) {
    const byte = data[at];
    if (byte === 0x7b) return true;
    if (byte !== 0x3a && byte !== 0x20 && byte !== 0x09) return false;
  }
  return false;
}

/**
 * At least one token per piece of text, since providers send every token as soon as they have it. A piece has one
 * kind of text, so the first that is found is taken.
 */
function tokensIn(data: Buffer): number {
  for (const key of TEXT_KEYS) {
    let bytes = 0;
    for (let at = data.indexOf(key); at !== -1; at = data.indexOf(key, at + key.length)) {
      bytes += textLength(data, at + key.length);
    }
    if (bytes > 0) return estimateTokens(bytes);
  }
  return 0;
}

/** The length of the JSON text that starts here, without its quotes; 0 for any other value. */
function textLength(data: Buffer, from: number): number {
  const open = data[from] === 0x20 ? from + 1 : from;
  if (data[open] !== 0x22) return 0;
  for (let at = open + 1; at < data.length; at++) {
    const byte = data[at];
    if (byte === 0x5c) at++;
    else if (byte === 0x22) return at - open - 1;
  }
  return data.length - open;
}
