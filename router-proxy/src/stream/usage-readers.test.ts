import { describe, expect, it } from 'vitest';
import { RELAYS } from './relays.ts';
import { readChatUsage } from './usage-readers.ts';

describe('readChatUsage', () => {
  it('keeps the classes apart that have prices of their own', () => {
    const usage = readChatUsage({
      prompt_tokens: 100,
      completion_tokens: 50,
      total_tokens: 150,
      prompt_tokens_details: { cached_tokens: 30 },
      completion_tokens_details: { reasoning_tokens: 20 },
    });
    expect(usage).toMatchObject({
      inputTokens: 70,
      cachedInputTokens: 30,
      outputTokens: 30,
      reasoningTokens: 20,
    });
  });

  it('adds up to the total also where a provider counts reasoning beside the completion', () => {
    const usage = readChatUsage({
      prompt_tokens: 10,
      completion_tokens: 5,
      total_tokens: 22,
      completion_tokens_details: { reasoning_tokens: 7 },
    });
    expect(usage).toMatchObject({ inputTokens: 10, outputTokens: 5, reasoningTokens: 7 });
  });

  it.each([
    undefined,
    null,
    {},
    [],
    'x',
    { prompt_tokens: 1 },
    { prompt_tokens: -1, completion_tokens: 1 },
    { prompt_tokens: '1', completion_tokens: 1 },
  ])('takes %j for no report', (value) => {
    expect(readChatUsage(value)).toBeNull();
  });
});

describe('the relay of a whole chat answer', () => {
  it('finds the usage of an answer in any number of chunks', () => {
    const body = Buffer.from(
      '{"choices":[{"x":"\\"usage\\":{}"}],"usage":{"prompt_tokens":1,"completion_tokens":2}}',
    );
    for (let at = 0; at <= body.length; at++) {
      const relay = RELAYS.chat.whole();
      let passed = '';
      const forward = (bytes: Uint8Array): void => void (passed += Buffer.from(bytes).toString());
      relay.push(body.subarray(0, at), forward);
      relay.push(body.subarray(at), forward);
      expect(passed).toBe(body.toString());
      expect(relay.usage()).toMatchObject({ inputTokens: 1, outputTokens: 2 });
    }
  });

  it('reports nothing for a body that is no JSON', () => {
    const relay = RELAYS.chat.whole();
    relay.push(Buffer.from('<html>'), () => undefined);
    expect(relay.usage()).toBeNull();
  });
});
