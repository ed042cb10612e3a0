import type { StreamEvent } from './answer-form.ts';

/** One write to the socket: some bytes, and the tokens that the client has received once it has them. */
export interface Write {
  readonly bytes: Buffer;
  readonly tokensSoFar: number;
  /** The events whose first byte this write carries; a paced stream pauses that many times before it. */
  readonly eventsStarted: number;
}

/** Where to split an event: inside its first character of more than one byte, or else in its middle. */
export function splitPoint(bytes: Buffer): number {
  const wide = bytes.findIndex((byte) => byte >= 0xc0);
  return wide >= 0 ? wide + 1 : Math.floor(bytes.length / 2);
}

/**
 * Cuts a stream into writes the way busy providers and their load balancers do, but the same way every time. Of four
 * events the first two share a write, the third is cut in two (inside a UTF-8 character where it has one), and the
 * fourth travels together with the end of the third.
 * @param together Whether whole events may share a write; a paced stream sends each on its own.
 */
export function writesOf(events: readonly StreamEvent[], together: boolean): Write[] {
  const writes: Write[] = [];
  let pending: Buffer[] = [];
  let eventsStarted = 0;
  let delivered = 0;
  const flush = (): void => {
    if (pending.length === 0) return;
    const [only] = pending;
    const bytes = pending.length === 1 && only ? only : Buffer.concat(pending);
    writes.push({ bytes, tokensSoFar: delivered, eventsStarted });
    pending = [];
    eventsStarted = 0;
  };
  events.forEach((event, index) => {
    const bytes = Buffer.from(event.text);
    const place = index % 4;
    eventsStarted += 1;
    if (place === 2) {
      const at = splitPoint(bytes);
      pending.push(bytes.subarray(0, at));
      flush();
      pending.push(bytes.subarray(at));
    } else {
      pending.push(bytes);
    }
    delivered = event.tokensSoFar;
    if (place === 1 || place === 3 || !together) flush();
  });
  flush();
  return writes;
}
