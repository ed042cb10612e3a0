import { NO_USAGE, type Usage } from '@weir/kernel/usage';
import { SOME_USAGE, type EventDialect } from './event-relay.ts';
import { textKeys } from './piece-text.ts';
import type { JsonDialect } from './json-relay.ts';
import { milliseconds, readTokenUsage, readTranscriptUsage } from './usage-readers.ts';
import { writtenText } from './written-text.ts';

/** A piece of speech in base64, or a piece of a transcript. */
const EVENT_BYTES_MAX = 1_048_576;
const TEXT_NAMES: ReadonlySet<string> = new Set(['text']);

/** A detailed transcript tells the length of the audio also where it has no usage. */
export const transcriptJson: JsonDialect = {
  wanted: ['usage', 'duration'],
  readUsage: (member) => readTranscriptUsage(member('usage')) ?? readDuration(member('duration')),
  // Segments and words repeat the text.
  writtenText: (answer) =>
    typeof answer === 'object' && answer !== null && 'text' in answer
      ? writtenText({ text: answer.text }, TEXT_NAMES)
      : '',
};

export const transcriptEvents: EventDialect = audioEvents(readTranscriptUsage, 'delta');
export const speechEvents: EventDialect = audioEvents(readTokenUsage);

function readDuration(value: unknown): Usage | null {
  const audioMs = milliseconds(value);
  return audioMs === null ? null : { ...NO_USAGE, audioMs };
}

function audioEvents(readUsage: (value: unknown) => Usage | null, ...texts: readonly string[]): EventDialect {
  return {
    eventBytesMax: EVENT_BYTES_MAX,
    reporting: SOME_USAGE,
    read: (event) =>
      'usage' in event ? { usage: readUsage(event.usage), isAlone: false, images: 0 } : undefined,
    reports: 'replace each other',
    textKeys: textKeys(...texts),
  };
}
