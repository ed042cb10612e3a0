import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Relay } from './relay.ts';
import { RELAYS } from './relays.ts';

/** What a provider sends, what the client is to get of it, and the relay between them. */
interface Answer {
  readonly name: string;
  readonly relay: () => Relay;
  readonly sent: Buffer;
  readonly received: Buffer;
  /** Whether its usage is this relay's to read. */
  readonly isMetered: boolean;
}

/** Characters of one to four bytes, escapes, and what looks like the end of a line within a text. */
const TEXT = 'é水🌊 "\\\n\r\u2028 data: x';
const USAGE = { prompt_tokens: 9, completion_tokens: 12, total_tokens: 21 };

const event = (value: object, end: string): string => `data: ${JSON.stringify(value)}${end}${end}`;
const delta = (content: string, end: string): string =>
  event({ choices: [{ index: 0, delta: { content } }], usage: null }, end);
const opening = (end: string): string => `: keep-alive${end}${end}${delta(TEXT, end)}id: 7${end}`;
const usageEvent = (end: string): string => event({ choices: [], usage: USAGE }, end);
const closing = (end: string): string => `${delta('', end)}data: [DONE]${end}${end}`;
const chatStream = (end: string): string => opening(end) + delta(TEXT, end) + usageEvent(end) + closing(end);
const chatStreamWithoutUsage = (end: string): string => opening(end) + delta(TEXT, end) + closing(end);

const BLANK_LINE_BYTES_MAX = '\r\n\r\n'.length;
const LINE_ENDS = [
  ['LF', '\n'],
  ['CRLF', '\r\n'],
  ['CR', '\r'],
] as const;

const chatAnswer = JSON.stringify({ choices: [{ message: { content: TEXT } }], usage: USAGE }, null, 2);
const everyByte = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));

/** Every relay passes whatever comes, also what it is not made for, so a new one is tried as soon as it is in the table. */
const VERBATIM = Object.entries(RELAYS).flatMap(([family, relays]): Answer[] => {
  const whole = (what: string, sent: string | Buffer): Answer =>
    verbatim(`${what} through the relay of ${family}`, () => relays.whole(), sent, false);
  const events = (what: string, sent: string | Buffer): Answer =>
    verbatim(
      `${what} through the relay of streamed ${family}`,
      () => relays.events({ dropUsage: false }),
      sent,
      false,
    );
  return [
    whole('an answer in JSON', chatAnswer),
    whole('every byte there is', everyByte),
    events('a stream with LF', chatStream('\n')),
    events('a stream with CRLF', chatStream('\r\n')),
    events('a stream with CR', chatStream('\r')),
    events('every byte there is', everyByte),
  ];
});

function verbatim(name: string, relay: () => Relay, sent: string | Buffer, isMetered: boolean): Answer {
  const bytes = Buffer.from(sent);
  return { name, relay, sent: bytes, received: bytes, isMetered };
}

const METERED = LINE_ENDS.flatMap(([name, end]): Answer[] => [
  verbatim(
    `a chat stream with ${name}, metered`,
    () => RELAYS.chat.events({ dropUsage: false }),
    chatStream(end),
    true,
  ),
  {
    name: `a chat stream with ${name} whose client asked for no usage`,
    relay: () => RELAYS.chat.events({ dropUsage: true }),
    sent: Buffer.from(chatStream(end)),
    received: Buffer.from(chatStreamWithoutUsage(end)),
    isMetered: true,
  },
]);

const ANSWERS = [
  ...VERBATIM,
  ...METERED,
  verbatim('a chat answer, metered', () => RELAYS.chat.whole(), chatAnswer, true),
];

function pass(relay: Relay, chunks: readonly Buffer[]): Buffer {
  const parts: Buffer[] = [];
  const forward = (bytes: Uint8Array): void => void parts.push(Buffer.from(bytes));
  for (const chunk of chunks) relay.push(chunk, forward);
  relay.end(forward);
  return Buffer.concat(parts);
}

describe.each(ANSWERS)('$name', ({ relay, sent: bytes, received: expected, isMetered }) => {
  function expectFaithful(chunks: readonly Buffer[]): void {
    const used = relay();
    const got = pass(used, chunks);
    // Compared as bytes first: a diff of a thousand cuts would cost more than the test.
    if (!got.equals(expected)) expect(got.toString('latin1')).toBe(expected.toString('latin1'));
    if (isMetered) expect(used.usage()).toMatchObject({ inputTokens: 9, outputTokens: 12 });
  }

  it('is the same to the last byte when it is cut at any one place', () => {
    for (let at = 0; at <= bytes.length; at++) expectFaithful([bytes.subarray(0, at), bytes.subarray(at)]);
  });

  it('is the same to the last byte when it comes byte by byte', () => {
    expectFaithful(Array.from({ length: bytes.length }, (_, at) => bytes.subarray(at, at + 1)));
  });

  it('is the same to the last byte when it is cut at any places at once', () => {
    const places = fc.uniqueArray(fc.nat({ max: bytes.length }), { maxLength: 40 });
    fc.assert(
      fc.property(places, (cuts) => {
        const sorted = [0, ...cuts.toSorted((a, b) => a - b)];
        expectFaithful(sorted.map((from, index) => bytes.subarray(from, sorted[index + 1] ?? bytes.length)));
      }),
    );
  });

  it('loses nothing of what came before a provider broke off, but for a whole event that is dropped', () => {
    const dropped = bytes.length - expected.length;
    for (let at = 0; at <= bytes.length; at++) {
      const before = bytes.subarray(0, at);
      const got = pass(relay(), [before]);
      const missing = before.length - got.length;
      if (missing === 0) {
        expect(got.equals(before)).toBe(true);
      } else {
        expect(got.equals(expected.subarray(0, got.length))).toBe(true);
        // Its blank line, or a part of it, may be what did not come.
        expect(dropped - missing).toBeGreaterThanOrEqual(0);
        expect(dropped - missing).toBeLessThanOrEqual(BLANK_LINE_BYTES_MAX);
      }
    }
  });
});
