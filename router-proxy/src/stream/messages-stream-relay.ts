import type { Usage } from '@weir/kernel/usage';
import { EventReader } from './event-reader.ts';
import { NO_COUNTS, usageOf, withReport } from './messages-usage.ts';
import { textKeys } from './piece-text.ts';
import { errorNameIn } from './provider-error.ts';
import type { Relay } from './relay.ts';

/** Longer events pass unseen. The longest that matter carry a whole tool call. */
const EVENT_BYTES_MAX = 1_048_576;

/**
 * Keys and values in an event's JSON. Inside a JSON text a quote is escaped, so these cannot be part of any content, and
 * most events need not be parsed.
 */
const TELLING = /"(?:usage|error|message_stop)"/;
const TEXT_KEYS = textKeys('text', 'thinking', 'partial_json');

/**
 * The relay of a streamed message: every chunk passes at once and untouched. `message_start` tells the input and
 * `message_delta` the output; an answer that broke off between them is known by its input and its text.
 */
export function createMessagesStreamRelay(): Relay {
  let counts = NO_COUNTS;
  let isOutputTold = false;
  let isStopped = false;
  let isEnded = false;
  let failure: string | null = null;

  const reader = new EventReader({
    eventBytesMax: EVENT_BYTES_MAX,
    textKeys: TEXT_KEYS,
    telling: TELLING,
    look(data, text) {
      const event = TELLING.test(text) ? parsed(data) : undefined;
      switch (event?.type) {
        case 'message_start':
          counts = withReport(counts, usageIn(event, 'message'));
          break;
        case 'message_delta':
          counts = withReport(counts, event['usage']);
          isOutputTold = true;
          break;
        case 'message_stop':
          isStopped = true;
          break;
        case 'error':
          failure ??= errorNameIn(event);
          break;
      }
      return false;
    },
  });

  /** Some compatible providers begin with zeros and tell the input at the end. */
  function partial(): Usage | null {
    if ((counts.input ?? 0) + (counts.cached ?? 0) + (counts.cacheWrite ?? 0) === 0) return null;
    return usageOf({ ...counts, output: counts.output ?? 0 });
  }

  return {
    isVerbatim: true,
    push(chunk, forward) {
      forward(chunk);
      reader.add(chunk);
    },
    end() {
      reader.end();
      isEnded = true;
    },
    usage() {
      reader.catchUp();
      return isOutputTold ? usageOf(counts) : null;
    },
    failure() {
      reader.catchUp();
      return failure ?? (isEnded && !isStopped ? 'incomplete_stream' : null);
    },
    seen() {
      const text = reader.sampledText();
      return { text, images: 0, audioMs: 0, partial: partial() };
    },
  };
}

interface TypedEvent {
  readonly type: unknown;
  readonly [member: string]: unknown;
}

function parsed(data: Buffer): TypedEvent | undefined {
  try {
    const event: unknown = JSON.parse(data.toString('utf8'));
    return typeof event === 'object' && event !== null && 'type' in event ? { ...event } : undefined;
  } catch {
    return undefined;
  }
}

function usageIn(event: TypedEvent, name: string): unknown {
  const message = event[name];
  return typeof message === 'object' && message !== null && 'usage' in message ? message.usage : undefined;
}
