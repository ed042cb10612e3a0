import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RELAYS } from './relays.ts';
import { createSseParser } from './sse-parser.ts';

const lineEnds = ['\n', '\r\n', '\r'] as const;

function textEvent(content: string, end: string): string {
  return `data: ${JSON.stringify({ choices: [{ index: 0, delta: { content } }], usage: null })}${end}${end}`;
}

function usageEvent(end: string): string {
  const usage = { prompt_tokens: 9, completion_tokens: 12, total_tokens: 21 };
  return `data: ${JSON.stringify({ choices: [], usage })}${end}${end}`;
}

/** A stream, its line ends, and places to cut it (also within characters and between CR and LF). */
const stream = fc.record({
  pieces: fc.array(fc.string({ unit: 'binary', maxLength: 12 }), { maxLength: 6 }),
  end: fc.constantFrom(...lineEnds),
  comment: fc.boolean(),
  cuts: fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 12 }),
});

function cut(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const places = [...new Set(cuts.map((place) => Math.floor(place * bytes.length)))].sort((a, b) => a - b);
  return [0, ...places].map((from, index) => bytes.subarray(from, places[index] ?? bytes.length));
}

function relayed(chunks: readonly Buffer[], dropUsage: boolean) {
  const relay = RELAYS.chat.events({ dropUsage });
  const parts: Uint8Array[] = [];
  const forward = (bytes: Uint8Array): void => void parts.push(Buffer.from(bytes));
  for (const chunk of chunks) relay.push(chunk, forward);
  relay.end(forward);
  return { text: Buffer.concat(parts).toString('latin1'), relay };
}

describe('createSseParser', () => {
  it('finds the same events however the bytes are cut', () => {
    fc.assert(
      fc.property(stream, ({ pieces, end, comment, cuts }) => {
        const head = comment ? `: keep-alive${end}${end}` : '';
        const bytes = Buffer.from(
          head + pieces.map((piece) => textEvent(piece, end)).join('') + usageEvent(end),
        );
        const dataOf = (chunks: readonly Buffer[]) => {
          const parser = createSseParser(1_000_000);
          return chunks.flatMap((chunk) =>
            parser.push(chunk).map(({ data }) => data?.toString('utf8') ?? null),
          );
        };
        const whole = dataOf([bytes]).filter((data) => data !== null);
        expect(whole).toHaveLength(pieces.length + 1);
        expect(dataOf(cut(bytes, cuts)).filter((data) => data !== null)).toEqual(whole);
      }),
    );
  });

  it('joins several data lines, and passes over other fields and a byte order mark', () => {
    const [event] = createSseParser(100).push(Buffer.from('\uFEFFid: 7\ndata: a\ndata:b\nevent: x\n\n'));
    expect(event?.data?.toString()).toBe('a\nb');
  });

  it('takes a lone CR within an event for the end of a line', () => {
    const [event] = createSseParser(100).push(Buffer.from('data: a\rdata: b\n\n'));
    expect(event?.data?.toString()).toBe('a\nb');
  });

  it('passes over an event that is too long, and finds the next one', () => {
    const parser = createSseParser(16);
    const events = [`data: ${'x'.repeat(40)}\n\n`, 'data: y\n\n'].flatMap((text) =>
      parser.push(Buffer.from(text)),
    );
    expect(events.map(({ data }) => data?.toString() ?? null)).toEqual([null, 'y']);
  });
});

describe('the relay of a streamed chat', () => {
  it('forwards exactly the bytes it was given, and reads the usage from them', () => {
    fc.assert(
      fc.property(stream, ({ pieces, end, cuts }) => {
        const bytes = Buffer.from(pieces.map((piece) => textEvent(piece, end)).join('') + usageEvent(end));
        const { text, relay } = relayed(cut(bytes, cuts), false);
        expect(text).toBe(bytes.toString('latin1'));
        expect(relay.usage()).toMatchObject({ inputTokens: 9, outputTokens: 12 });
      }),
    );
  });

  it('drops the usage event that the client did not ask for, and nothing else', () => {
    fc.assert(
      fc.property(stream, ({ pieces, end, cuts }) => {
        const before = pieces.map((piece) => textEvent(piece, end)).join('');
        const after = `data: [DONE]${end}${end}`;
        const bytes = Buffer.from(before + usageEvent(end) + after);
        const { text, relay } = relayed(cut(bytes, cuts), true);
        expect(text).toBe(Buffer.from(before + after).toString('latin1'));
        expect(relay.usage()).toMatchObject({ inputTokens: 9, outputTokens: 12 });
      }),
    );
  });

  it('hands on whole events at once, so that dropping costs no time', () => {
    const relay = RELAYS.chat.events({ dropUsage: true });
    const parts: string[] = [];
    relay.push(
      Buffer.from(`${textEvent('a', '\n')}data: {"cho`),
      (bytes) => void parts.push(Buffer.from(bytes).toString()),
    );
    expect(parts).toEqual([textEvent('a', '\n')]);
  });

  it('keeps a last event that was never finished', () => {
    const { text } = relayed([Buffer.from('data: {"choices":[')], true);
    expect(text).toBe('data: {"choices":[');
  });

  it.each([true, false])(
    'reads a last event that no blank line followed, and drops it where it is usage alone (%j)',
    (dropUsage) => {
      const first = textEvent('a', '\n');
      const all = Buffer.from(first + usageEvent('\n'));
      for (const missing of [1, 2]) {
        for (let at = 0; at <= all.length - missing; at++) {
          const { text, relay } = relayed(
            [all.subarray(0, at), all.subarray(at, all.length - missing)],
            dropUsage,
          );
          expect(relay.usage()).toMatchObject({ inputTokens: 9, outputTokens: 12 });
          expect(text).toBe(dropUsage ? first : all.toString('latin1', 0, all.length - missing));
        }
      }
    },
  );

  it('reads usage whose JSON goes over several lines of data', () => {
    const lines = ['{"choices":[],"usage":', '{"prompt_tokens":9,', '"completion_tokens":12}}'];
    const event = Buffer.from(`${lines.map((line) => `data: ${line}\n`).join('')}\n`);
    for (let at = 0; at <= event.length; at++) {
      const { text, relay } = relayed([event.subarray(0, at), event.subarray(at)], true);
      expect(relay.usage()).toMatchObject({ inputTokens: 9, outputTokens: 12 });
      expect(text).toBe('');
    }
  });

  it('keeps what passed when no usage comes, and never takes content for usage', () => {
    const { relay } = relayed(
      [Buffer.from(textEvent('"usage":{"prompt_tokens":1}', '\n') + textEvent('x', '\n'))],
      true,
    );
    expect(relay.usage()).toBeNull();
    expect(relay.seen().text).toEqual({ text: '"usage":{"prompt_tokens":1}x', scale: 1 });
  });

  it('takes a reported zero for a report', () => {
    const zero = `data: {"choices":[],"usage":{"prompt_tokens":0,"completion_tokens":0}}\n\n`;
    expect(relayed([Buffer.from(zero)], false).relay.usage()).toMatchObject({
      inputTokens: 0,
      outputTokens: 0,
    });
  });

  it.each([
    ['data: {"error":{"message":"…","type":"server_error","code":null}}\n\n', 'server_error'],
    ['data: {"id":"c","error":{"code":"rate_limited","message":"…"},"choices":[]}\n\n', 'rate_limited'],
    [textEvent('{"error":{"type":"server_error"}}', '\n'), null],
    ['data: {"choices":[],"error":null}\n\n', null],
    ['data: {"error":\n\n', null],
  ])('is broken off by its provider only where an event is an error: %s', (event, failure) => {
    const { text, relay } = relayed([Buffer.from(event)], false);
    expect(relay.failure?.()).toBe(failure);
    expect(text).toBe(Buffer.from(event).toString('latin1'));
  });
});
