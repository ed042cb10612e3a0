import type { JsonDialect } from './json-relay.ts';
import { NO_COUNTS, usageOf, withReport } from './messages-usage.ts';
import { writtenText } from './written-text.ts';

const TEXT_NAMES: ReadonlySet<string> = new Set(['text', 'thinking', 'partial_json']);

/** How a message is answered as one JSON value. */
export const messageJson: JsonDialect = {
  wanted: ['usage'],
  readUsage: (member) => usageOf(withReport(NO_COUNTS, member('usage'))),
  writtenText: (answer) => writtenText(answer, TEXT_NAMES),
};
