import { SOME_USAGE, type EventDialect } from './event-relay.ts';
import { textKeys } from './piece-text.ts';
import type { JsonDialect } from './json-relay.ts';
import { readTokenUsage } from './usage-readers.ts';
import { writtenText } from './written-text.ts';

/** The last event repeats the whole response. */
const EVENT_BYTES_MAX = 16_777_216;

const TEXT_NAMES: ReadonlySet<string> = new Set(['text', 'refusal', 'arguments', 'input']);

export const responseJson: JsonDialect = {
  wanted: ['usage'],
  readUsage: (member) => readTokenUsage(member('usage')),
  writtenText: (answer) => writtenText(outputOf(answer), TEXT_NAMES),
};

/** The request's own texts are repeated beside the output. */
function outputOf(answer: unknown): unknown {
  return typeof answer === 'object' && answer !== null && 'output' in answer ? answer.output : undefined;
}

/** Whether the response was completed, remained incomplete or failed, its last event carries what it consumed. */
export const responseEvents: EventDialect = {
  eventBytesMax: EVENT_BYTES_MAX,
  reporting: SOME_USAGE,
  read(event) {
    const response = 'response' in event ? event.response : undefined;
    if (typeof response !== 'object' || response === null || !('usage' in response)) return undefined;
    return { usage: readTokenUsage(response.usage), isAlone: false, images: 0 };
  },
  reports: 'replace each other',
  textKeys: textKeys('delta'),
};
