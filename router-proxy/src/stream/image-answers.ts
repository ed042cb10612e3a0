import type { EventDialect } from './event-relay.ts';
import type { JsonDialect } from './json-relay.ts';
import { readTokenUsage } from './usage-readers.ts';

/** An image in base64. */
const EVENT_BYTES_MAX = 16_777_216;
const COMPLETED = /\.completed"/;

export const imageJson: JsonDialect = {
  wanted: ['usage'],
  imagesIn: 'data',
  readUsage(member, images) {
    const usage = readTokenUsage(member('usage'));
    return usage && { ...usage, images };
  },
};

/** Every finished image has an event of its own, with what that image consumed; partial ones say nothing. */
export const imageEvents: EventDialect = {
  eventBytesMax: EVENT_BYTES_MAX,
  reporting: COMPLETED,
  read(event) {
    const isFinished = 'type' in event && typeof event.type === 'string' && event.type.endsWith('.completed');
    if (!isFinished) return undefined;
    const usage = 'usage' in event ? readTokenUsage(event.usage) : null;
    return { usage: usage && { ...usage, images: 1 }, isAlone: false, images: 1 };
  },
  reports: 'add up',
  textKeys: null,
};
