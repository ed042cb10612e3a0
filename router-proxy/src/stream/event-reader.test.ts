import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EventReader } from './event-reader.ts';
import { textKeys } from './piece-text.ts';

const EVENT_BYTES_MAX = 1_048_576;

function reader() {
  const looked: string[] = [];
  const events = new EventReader({
    eventBytesMax: EVENT_BYTES_MAX,
    textKeys: textKeys('content', 'reasoning', 'reasoning_content'),
    telling: /"told"/,
    look(_, text) {
      // Events that tell nothing may be passed over.
      if (text.includes('"told"')) looked.push(text);
      return false;
    },
  });
  return { events, looked };
}

const event = (value: object, end = '\n'): string => `data: ${JSON.stringify(value)}${end}${end}`;

const piece = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 12 }).map((content) => ({ delta: { content } })),
  fc
    .string({ unit: 'binary', maxLength: 12 })
    .map((thought) => ({ delta: { content: '', reasoning: thought, reasoning_content: thought } })),
  fc.nat().map((told) => ({ told })),
);

function cut(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const places = [...new Set(cuts.map((place) => Math.floor(place * bytes.length)))].sort((a, b) => a - b);
  return [0, ...places].map((from, index) => bytes.subarray(from, places[index] ?? bytes.length));
}

const cuts = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 12 });

describe('the reader of events', () => {
  it('finds the same texts and the same reports however the bytes are cut and lines end', () => {
    const stream = fc.array(fc.tuple(piece, fc.constantFrom('\n', '\n', '\n', '\r\n', '\r')), {
      maxLength: 40,
    });
    fc.assert(
      fc.property(stream, cuts, (pieces, places) => {
        const { events, looked } = reader();
        const bytes = Buffer.from(pieces.map(([value, end]) => event(value, end)).join(''));
        for (const chunk of cut(bytes, places)) events.add(chunk);
        const text = pieces.map(([value]) => ('delta' in value ? textOf(value.delta) : '')).join('');
        expect(events.sampledText().text).toBe(text);
        expect(looked).toEqual(
          pieces.filter(([value]) => 'told' in value).map(([value]) => JSON.stringify(value)),
        );
      }),
    );
  });

  it('reads what has passed only when it is asked, so that nobody waits for it', () => {
    const { events, looked } = reader();
    events.add(Buffer.from(event({ told: 1 })));
    expect(looked).toEqual([]);
    events.catchUp();
    expect(looked).toEqual(['{"told":1}']);
  });

  it('keeps no more of a stream than a few dozen events beyond the turn in which they came', async () => {
    const { events, looked } = reader();
    for (const told of [1, 'x'.repeat(8_192)]) events.add(Buffer.from(event({ told })));
    expect(looked).toEqual([]);
    await new Promise((resolve) => setImmediate(resolve));
    expect(looked).toHaveLength(2);
  });

  it('counts a text once that an event repeats under a second name', () => {
    const { events } = reader();
    events.add(Buffer.from(event({ reasoning: 'why', reasoning_content: 'why' }) + event({ content: 'so' })));
    expect(events.sampledText()).toEqual({ text: 'whyso', scale: 1 });
  });

  it('counts every text of an event that has several of one kind', () => {
    const { events } = reader();
    events.add(Buffer.from(event({ choices: [{ content: 'a' }, { content: '' }, { content: 'b' }] })));
    expect(events.sampledText().text).toBe('ab');
  });

  it('takes no text beyond its line for a part of it', () => {
    const { events } = reader();
    events.add(Buffer.from(`data: {"content":"cut\n\n${event({ content: 'whole' })}`));
    expect(events.sampledText().text).toBe('cutwhole');
  });
});

function textOf(delta: { readonly content: string; readonly reasoning?: string }): string {
  return delta.content === '' ? (delta.reasoning ?? '') : delta.content;
}
