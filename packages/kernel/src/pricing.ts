import { ceilDiv, type NanoUsd } from './money.ts';
import type { Usage } from './usage.ts';

/** One version of a model's price, valid from an instant on. Token classes are nano-USD per million tokens. */
export interface Price {
  readonly id: string;
  /** Unix milliseconds. */
  readonly validFromMs: number;
  /** The lowest tier of accounts that it is for. */
  readonly tier: number;
  /** Agreed with the organization, as opposed to everybody's. */
  readonly isOwn: boolean;
  readonly input: bigint;
  readonly cachedInput: bigint;
  readonly cacheWrite: bigint;
  readonly output: bigint;
  readonly reasoning: bigint;
  /** Nano-USD per request, per image and per second of audio. */
  readonly perRequest: bigint;
  readonly perImage: bigint;
  readonly perAudioSecond: bigint;
}

const PER_MILLION = 1_000_000n;

/** Sum over the classes in nano-USD × 1e6, before Rates and before rounding. */
function baseMicroNano(usage: Usage, price: Price): bigint {
  return (
    BigInt(usage.inputTokens) * price.input +
    BigInt(usage.cachedInputTokens) * price.cachedInput +
    BigInt(usage.cacheWriteTokens) * price.cacheWrite +
    BigInt(usage.outputTokens) * price.output +
    BigInt(usage.reasoningTokens) * price.reasoning +
    price.perRequest * PER_MILLION +
    BigInt(usage.images) * price.perImage * PER_MILLION +
    BigInt(usage.audioMs) * price.perAudioSecond * 1_000n
  );
}

/**
 * cost = base × Rates × Factor, rounded up once at the end.
 * @param multiplierPpm Rates × Factor in parts per million (1_000_000 = unchanged).
 */
export function costOf(usage: Usage, price: Price, multiplierPpm: bigint): NanoUsd {
  return ceilDiv(baseMicroNano(usage, price) * multiplierPpm, PER_MILLION * PER_MILLION) as NanoUsd;
}

/**
 * The version in force for an account of a tier at an instant. Of those that have begun and are not for higher tiers, an
 * organization's own goes before everybody's, then the higher tier, then the later beginning.
 */
export function priceAt<P extends Price>(prices: readonly P[], atMs: number, tier: number): P | undefined {
  let found: P | undefined;
  for (const price of prices) {
    if (price.validFromMs > atMs || price.tier > tier) continue;
    if (!found || precedes(price, found)) found = price;
  }
  return found;
}

function precedes(one: Price, other: Price): boolean {
  if (one.isOwn !== other.isOwn) return one.isOwn;
  if (one.tier !== other.tier) return one.tier > other.tier;
  return one.validFromMs > other.validFromMs;
}

/**
 * An upper bound of a request's cost as a line: `fixed + perOutputToken × outputCap`.
 * Integers, each rounded up, so the line never lies below the real cost of a request within its bounds.
 */
export interface CostBound {
  readonly fixed: NanoUsd;
  readonly perOutputToken: NanoUsd;
}

/** The most that a request may consume beside its output cap. Classes that it cannot consume are 0. */
export interface UsageBound {
  readonly inputTokens: number;
  /** How many answers are asked for (`n`), each of which may reach the output cap. */
  readonly choices: number;
  /** Output that no cap of the request limits. */
  readonly outputTokens: number;
  readonly images: number;
  readonly audioMs: number;
}

/** What input and output cost at most per million tokens, whichever class they turn out to be. */
export function dearestPrices(price: Price): { readonly input: bigint; readonly output: bigint } {
  const cached = price.cachedInput > price.cacheWrite ? price.cachedInput : price.cacheWrite;
  return {
    input: price.input > cached ? price.input : cached,
    output: price.output > price.reasoning ? price.output : price.reasoning,
  };
}

export function costBound(price: Price, bound: UsageBound, multiplierPpm: bigint): CostBound {
  const dearest = dearestPrices(price);
  const scale = PER_MILLION * PER_MILLION;
  const fixedMicroNano =
    BigInt(bound.inputTokens) * dearest.input +
    BigInt(bound.outputTokens) * dearest.output +
    (price.perRequest + BigInt(bound.images) * price.perImage) * PER_MILLION +
    BigInt(bound.audioMs) * price.perAudioSecond * 1_000n;
  return {
    fixed: ceilDiv(fixedMicroNano * multiplierPpm, scale) as NanoUsd,
    perOutputToken: ceilDiv(dearest.output * BigInt(bound.choices) * multiplierPpm, scale) as NanoUsd,
  };
}
