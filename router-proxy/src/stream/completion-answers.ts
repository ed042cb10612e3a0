import { SOME_USAGE, type EventDialect } from './event-relay.ts';
import { textKeys } from './piece-text.ts';
import type { JsonDialect } from './json-relay.ts';
import { readChatUsage } from './usage-readers.ts';
import { writtenText } from './written-text.ts';

/** The longest events that matter carry a whole tool call. */
const EVENT_BYTES_MAX = 1_048_576;

const TEXTS = ['content', 'reasoning_content', 'reasoning', 'refusal', 'arguments', 'text'] as const;
const TEXT_NAMES: ReadonlySet<string> = new Set(TEXTS);

/** How chat and text completions are answered; the one calls its text `content`, the other `text`. */
export const completionJson: JsonDialect = {
  wanted: ['usage'],
  readUsage: (member) => readChatUsage(member('usage')),
  writtenText: (answer) => writtenText(answer, TEXT_NAMES),
};

export const chatEvents: EventDialect = completionEvents(
  'content',
  'reasoning_content',
  'reasoning',
  'refusal',
  'arguments',
);
export const textCompletionEvents: EventDialect = completionEvents('text');

function completionEvents(...texts: readonly string[]): EventDialect {
  return {
    eventBytesMax: EVENT_BYTES_MAX,
    reporting: SOME_USAGE,
    read(event) {
      if (!('usage' in event)) return undefined;
      const choices = 'choices' in event ? event.choices : undefined;
      return {
        usage: readChatUsage(event.usage),
        isAlone: Array.isArray(choices) && choices.length === 0,
        images: 0,
      };
    },
    reports: 'replace each other',
    textKeys: textKeys(...texts),
  };
}
