import { describe, expect, it } from 'vitest';
import { createLogger } from '@weir/service/logger';
import { estimateUsage } from './estimate.ts';
import { createTokenCounter } from './token-counter.ts';

const log = createLogger({ service: 'test', level: 'silent' });

describe('the token counter', () => {
  it('counts as OpenAI does, control tokens as plain text', async () => {
    const counter = createTokenCounter({ log });
    expect(await counter.count(['Hello there', '', '水堰堤 🌊'])).toEqual([2, 0, 7]);
    expect((await counter.count(['<|endoftext|>']))[0]).toBeGreaterThan(1);
    await counter.stop();
  });

  it('takes the longest text without a boundary in the time of any other', async () => {
    const counter = createTokenCounter({ log });
    const [tokens] = await counter.count(['a'.repeat(65_536)]);
    // Reckoned by its length it would be twice as much, so it was counted before the time was over.
    expect(tokens).toBeLessThan(16_384);
    await counter.stop();
  });

  it('starts anew after it has ended', async () => {
    const counter = createTokenCounter({ log });
    expect(await counter.count(['Hello there'])).toEqual([2]);
    await counter.stop();
    expect(await counter.count(['Hello there'])).toEqual([2]);
    await counter.stop();
  });

  it('reckons by length what it can no longer count, and what it is asked too much of', async () => {
    const counter = createTokenCounter({ log });
    const asked = Array.from({ length: 300 }, () => counter.count(['12345678']));
    await counter.stop();
    expect(await Promise.all(asked)).toEqual(asked.map(() => [2]));
  });
});

describe('an estimate', () => {
  const fixed = {
    count: (texts: readonly string[]) => Promise.resolve(texts.map(() => 100)),
    stop: () => Promise.resolve(),
  };
  const input = { text: 'x', tokens: 7, audioMs: 900 };

  it('adds what the request itself counts, and takes a sample for all that it stands for', async () => {
    const seen = { text: { text: 'y', scale: 2.5 }, images: 3, audioMs: 0 };
    expect(await estimateUsage({ input, seen, outputTokensMax: null }, fixed)).toMatchObject({
      inputTokens: 107,
      outputTokens: 250,
      images: 3,
      audioMs: 900,
    });
  });

  it('never goes beyond what the provider was allowed, and believes the answer about its length', async () => {
    const seen = { text: { text: 'y', scale: 1 }, images: 0, audioMs: 40 };
    expect(await estimateUsage({ input, seen, outputTokensMax: 16 }, fixed)).toMatchObject({
      outputTokens: 16,
      audioMs: 40,
    });
  });
});
