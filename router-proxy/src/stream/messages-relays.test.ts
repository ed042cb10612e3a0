import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { NO_USAGE } from '@weir/kernel/usage';
import { createCountTokensRelay } from './count-tokens-relay.ts';
import { createMessagesStreamRelay } from './messages-stream-relay.ts';
import { NO_COUNTS, usageOf, withReport } from './messages-usage.ts';
import type { Relay } from './relay.ts';
import { RELAYS } from './relays.ts';

const event = (type: string, value: object): string =>
  `event: ${type}\ndata: ${JSON.stringify({ type, ...value })}\n\n`;

const START = event('message_start', {
  message: {
    id: 'msg_1',
    content: [],
    usage: {
      input_tokens: 10,
      cache_creation_input_tokens: 30,
      cache_read_input_tokens: 20,
      cache_creation: { ephemeral_5m_input_tokens: 10, ephemeral_1h_input_tokens: 20 },
      output_tokens: 1,
    },
  },
});
const PING = event('ping', {});
const TEXTS = ['Über ', '"usage"', '水堰 \\ ', '🌊 the end of it'].map((text) =>
  event('content_block_delta', { index: 0, delta: { type: 'text_delta', text } }),
);
const DELTA = event('message_delta', {
  delta: { stop_reason: 'end_turn' },
  usage: { output_tokens: 12, output_tokens_details: { thinking_tokens: 5 } },
});
const STOP = event('message_stop', {});
const WHOLE = Buffer.from([START, PING, ...TEXTS, DELTA, STOP].join(''));
const USAGE = {
  ...NO_USAGE,
  inputTokens: 10,
  cachedInputTokens: 20,
  cacheWriteTokens: 30,
  outputTokens: 7,
  reasoningTokens: 5,
};

function run(relay: Relay, chunks: readonly Buffer[]): Buffer {
  const out: Uint8Array[] = [];
  const forward = (bytes: Uint8Array): void => void out.push(Buffer.from(bytes));
  for (const chunk of chunks) relay.push(chunk, forward);
  relay.end(forward);
  return Buffer.concat(out);
}

function streamed(text: string): Relay {
  const relay = createMessagesStreamRelay();
  run(relay, [Buffer.from(text)]);
  return relay;
}

describe('a streamed message', () => {
  it('passes byte for byte and is understood, wherever it is cut', () => {
    for (let at = 0; at <= WHOLE.length; at++) {
      const relay = createMessagesStreamRelay();
      expect(run(relay, [WHOLE.subarray(0, at), WHOLE.subarray(at)])).toEqual(WHOLE);
      expect(relay.usage()).toEqual(USAGE);
      expect(relay.failure?.()).toBeNull();
    }
  });

  it('passes in any number of pieces', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(WHOLE.length), { maxLength: 20 }), (cuts) => {
        const ends = [...cuts.sort((a, b) => a - b), WHOLE.length];
        const chunks = ends.map((end, index) => WHOLE.subarray(ends[index - 1] ?? 0, end));
        const relay = createMessagesStreamRelay();
        expect(run(relay, chunks)).toEqual(WHOLE);
        expect(relay.usage()).toEqual(USAGE);
      }),
    );
  });

  it('is whole without the last blank line', () => {
    const relay = createMessagesStreamRelay();
    run(relay, [WHOLE.subarray(0, -2)]);
    expect(relay.usage()).toEqual(USAGE);
    expect(relay.failure?.()).toBeNull();
  });

  it('hands every chunk on before the next one comes', () => {
    const relay = createMessagesStreamRelay();
    const out: number[] = [];
    relay.push(WHOLE.subarray(0, 3), (bytes) => out.push(bytes.length));
    expect(out).toEqual([3]);
    expect(relay.isVerbatim).toBe(true);
  });

  it('takes the input from its last event where that tells it anew', () => {
    const restated = event('message_delta', {
      usage: { input_tokens: 15, cache_read_input_tokens: 0, output_tokens: 3 },
    });
    expect(streamed(START + restated + STOP).usage()).toMatchObject({
      inputTokens: 15,
      cachedInputTokens: 20,
      outputTokens: 3,
    });
  });

  it('that broke off is known by its input and its text', () => {
    const relay = streamed(START + PING + TEXTS.join(''));
    expect(relay.usage()).toBeNull();
    expect(relay.failure?.()).toBe('incomplete_stream');
    const { partial, text } = relay.seen();
    expect(partial).toMatchObject({ inputTokens: 10, cachedInputTokens: 20, cacheWriteTokens: 30 });
    expect(text).toEqual({ text: 'Über "usage"水堰 \\ 🌊 the end of it', scale: 1 });
  });

  it('that broke off before its input was told is estimated from the request', () => {
    const zeros = event('message_start', { message: { usage: { input_tokens: 0, output_tokens: 0 } } });
    expect(streamed(zeros + TEXTS.join('')).seen().partial).toBeNull();
    expect(streamed(TEXTS.join('')).seen().partial).toBeNull();
  });

  it.each([
    [{ error: { type: 'overloaded_error', message: 'Overloaded' } }, 'overloaded_error'],
    [{ error: { type: 'sentence with an account id', code: 'api_error' } }, 'api_error'],
    [{ error: { type: 'a sentence' } }, 'error'],
  ])('whose provider breaks off with %j says why by a short name', (value, name) => {
    const relay = streamed(START + event('error', value));
    expect(relay.failure?.()).toBe(name);
    expect(relay.usage()).toBeNull();
  });

  it('is not taken for broken because its text or a tool’s input speaks of errors', () => {
    const tool = event('content_block_start', { content_block: { type: 'tool_use', input: { error: {} } } });
    const text = event('content_block_delta', { delta: { type: 'text_delta', text: '{"type":"error"}' } });
    expect(streamed(START + tool + text + DELTA + STOP).failure?.()).toBeNull();
  });

  it('survives any bytes whatsoever', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 64 })), (parts) => {
        const chunks = parts.map((part) => Buffer.from(part));
        expect(run(createMessagesStreamRelay(), chunks)).toEqual(Buffer.concat(chunks));
      }),
    );
  });
});

describe('a message that is not streamed', () => {
  const body = Buffer.from(
    JSON.stringify({
      content: [{ type: 'text', text: '"usage":{"input_tokens":1}' }],
      usage: { input_tokens: 4, output_tokens: 6, cache_read_input_tokens: null },
    }),
  );

  it('passes byte for byte and is read at its end, wherever it is cut', () => {
    for (let at = 0; at <= body.length; at++) {
      const relay = RELAYS.messages.whole();
      expect(run(relay, [body.subarray(0, at), body.subarray(at)])).toEqual(body);
      expect(relay.usage()).toEqual({ ...NO_USAGE, inputTokens: 4, outputTokens: 6 });
    }
  });

  it.each(['{}', '<html>', '{"usage":null}', '{"usage":{"input_tokens":1}}', '{"usage":{"input_tokens":-1'])(
    'reports nothing as %s',
    (text) => {
      const relay = RELAYS.messages.whole();
      run(relay, [Buffer.from(text)]);
      expect(relay.usage()).toBeNull();
    },
  );
});

describe('counts', () => {
  it('of zero are a report', () => {
    expect(usageOf(withReport(NO_COUNTS, { input_tokens: 0, output_tokens: 0 }))).toEqual(NO_USAGE);
  });

  it('of a count are nothing', () => {
    const relay = createCountTokensRelay();
    const body = Buffer.from('{"input_tokens":9}');
    expect(run(relay, [body])).toEqual(body);
    expect(relay.usage()).toEqual(NO_USAGE);
  });
});
