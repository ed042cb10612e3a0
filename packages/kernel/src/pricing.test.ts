import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { costBound, costOf, priceAt, type Price } from './pricing.ts';
import { NO_USAGE, totalTokens, type Usage } from './usage.ts';

const rate = fc.bigInt({ min: 0n, max: 200_000_000_000n });
const prices: fc.Arbitrary<Price> = fc.record({
  id: fc.constant('p'),
  validFromMs: fc.constant(0),
  tier: fc.constant(0),
  isOwn: fc.constant(false),
  input: rate,
  cachedInput: rate,
  cacheWrite: rate,
  output: rate,
  reasoning: rate,
  perRequest: rate,
  perImage: rate,
  perAudioSecond: rate,
});
const multipliers = fc.bigInt({ min: 0n, max: 10_000_000n });
const counts = fc.nat({ max: 2_000_000 });
const usages: fc.Arbitrary<Usage> = fc.record({
  inputTokens: counts,
  cachedInputTokens: counts,
  cacheWriteTokens: counts,
  outputTokens: counts,
  reasoningTokens: counts,
  images: fc.nat({ max: 10 }),
  audioMs: counts,
});

const FLAT: Price = {
  id: 'flat',
  validFromMs: 0,
  tier: 0,
  isOwn: false,
  input: 2_500_000_000n,
  cachedInput: 1_250_000_000n,
  cacheWrite: 3_125_000_000n,
  output: 10_000_000_000n,
  reasoning: 12_000_000_000n,
  perRequest: 1_000n,
  perImage: 40_000_000n,
  perAudioSecond: 100_000n,
};

describe('costOf', () => {
  it('prices each class on its own and rounds the sum up once', () => {
    const usage = {
      inputTokens: 1_000,
      cachedInputTokens: 400,
      cacheWriteTokens: 8,
      outputTokens: 300,
      reasoningTokens: 50,
      images: 2,
      audioMs: 1_500,
    };
    const expected =
      2_500_000n + 500_000n + 25_000n + 3_000_000n + 600_000n + 1_000n + 80_000_000n + 150_000n;
    expect(costOf(usage, FLAT, 1_000_000n)).toBe(expected);
    expect(costOf(usage, FLAT, 1_500_000n)).toBe((expected * 3n) / 2n);
  });

  it('charges one nano-USD for the smallest fraction of one, however many classes have fractions', () => {
    const dust = { ...FLAT, input: 1n, output: 1n, reasoning: 1n, perRequest: 0n };
    expect(
      costOf({ ...NO_USAGE, inputTokens: 1, outputTokens: 1, reasoningTokens: 1 }, dust, 1_000_000n),
    ).toBe(1n);
  });

  it('charges nothing but the request for no usage', () => {
    expect(costOf(NO_USAGE, FLAT, 1_000_000n)).toBe(1_000n);
  });

  it('is less than one nano-USD above the exact product', () => {
    fc.assert(
      fc.property(usages, prices, multipliers, (usage, price, multiplier) => {
        const scale = 10n ** 12n;
        const exact =
          (BigInt(usage.inputTokens) * price.input +
            BigInt(usage.cachedInputTokens) * price.cachedInput +
            BigInt(usage.cacheWriteTokens) * price.cacheWrite +
            BigInt(usage.outputTokens) * price.output +
            BigInt(usage.reasoningTokens) * price.reasoning +
            (price.perRequest + BigInt(usage.images) * price.perImage) * 1_000_000n +
            BigInt(usage.audioMs) * 1_000n * price.perAudioSecond) *
          multiplier;
        const excess = costOf(usage, price, multiplier) * scale - exact;
        expect(excess >= 0n && excess < scale).toBe(true);
      }),
    );
  });
});

describe('costBound', () => {
  it('never lies below the cost of a request within its bounds, for any number of choices', () => {
    fc.assert(
      fc.property(
        usages,
        prices,
        multipliers,
        fc.integer({ min: 1, max: 128 }),
        fc.nat({ max: 500 }),
        fc.boolean(),
        (usage, price, multiplier, choices, slack, isCapped) => {
          const output = usage.outputTokens + usage.reasoningTokens;
          // The cap applies to each choice; what the choices produced together may be spread unevenly.
          const cap = isCapped ? Math.ceil(output / choices) : 0;
          const bound = costBound(
            price,
            {
              inputTokens: usage.inputTokens + usage.cachedInputTokens + usage.cacheWriteTokens + slack,
              choices: isCapped ? choices : 0,
              outputTokens: isCapped ? 0 : output + slack,
              images: usage.images + slack,
              audioMs: usage.audioMs + slack,
            },
            multiplier,
          );
          const held = bound.fixed + bound.perOutputToken * BigInt(cap);
          expect(held >= costOf(usage, price, multiplier)).toBe(true);
        },
      ),
    );
  });

  it('takes the dearest class for the input and for the output', () => {
    const bound = { inputTokens: 1_000_000, choices: 3, outputTokens: 0, images: 0, audioMs: 0 };
    expect(costBound(FLAT, bound, 1_000_000n)).toEqual({
      fixed: 3_125_000_000n + 1_000n,
      perOutputToken: 36_000n,
    });
  });

  it('counts images, audio and output without a cap among what is fixed', () => {
    const bound = { inputTokens: 0, choices: 0, outputTokens: 1_000_000, images: 2, audioMs: 1_500 };
    expect(costBound(FLAT, bound, 1_000_000n)).toEqual({
      fixed: 12_000_000_000n + 1_000n + 80_000_000n + 150_000n,
      perOutputToken: 0n,
    });
  });
});

describe('priceAt', () => {
  const versions = [300, 100, 200].map((validFromMs) => ({
    ...FLAT,
    id: `from-${validFromMs}`,
    validFromMs,
  }));

  it.each([
    [99, undefined],
    [100, 'from-100'],
    [199, 'from-100'],
    [200, 'from-200'],
    [1_000, 'from-300'],
  ])('at %d answers the latest version that has begun: %s', (atMs, id) => {
    expect(priceAt(versions, atMs, 0)?.id).toBe(id);
  });

  it('for an account of a tier is its organization’s own before everybody’s, then of the highest tier that it has', () => {
    const own = fc.record({ validFromMs: fc.nat(20), tier: fc.nat(4), isOwn: fc.boolean() });
    fc.assert(
      fc.property(fc.array(own), fc.nat(20), fc.nat(4), (drawn, atMs, tier) => {
        const priced = drawn.map((version, index) => ({ ...FLAT, ...version, id: String(index) }));
        const mine = priced.filter((price) => price.validFromMs <= atMs && price.tier <= tier);
        const preferred = mine.some(({ isOwn }) => isOwn) ? mine.filter(({ isOwn }) => isOwn) : mine;
        const highest = Math.max(...preferred.map((price) => price.tier));
        const latest = Math.max(
          ...preferred.filter((price) => price.tier === highest).map(({ validFromMs }) => validFromMs),
        );
        const found = priceAt(priced, atMs, tier);
        if (!found) expect(mine).toEqual([]);
        else
          expect([found.tier, found.validFromMs, preferred.includes(found)]).toEqual([highest, latest, true]);
      }),
    );
  });
});

it('total tokens count every class of tokens and nothing else', () => {
  const usage = {
    inputTokens: 1,
    cachedInputTokens: 20,
    cacheWriteTokens: 300,
    outputTokens: 4_000,
    reasoningTokens: 50_000,
    images: 7,
    audioMs: 9,
  };
  expect(totalTokens(usage)).toBe(54_321);
});
