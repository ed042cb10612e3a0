import { formatUsd } from '@weir/kernel/money';
import type { Consumption } from './key-reads.ts';

/** Amounts as these answers show them: tokens by class, money in US dollars and exactly, in nano-USD. */
export function consumptionBody(amounts: Consumption) {
  return {
    input_tokens: amounts.inputTokens,
    cached_input_tokens: amounts.cachedInputTokens,
    cache_write_tokens: amounts.cacheWriteTokens,
    output_tokens: amounts.outputTokens,
    reasoning_tokens: amounts.reasoningTokens,
    total_tokens: totalTokens(amounts),
    images: amounts.images,
    audio_ms: amounts.audioMs,
    cost: formatUsd(amounts.costNano),
    cost_nano_usd: amounts.costNano.toString(),
  };
}

export function totalTokens(amounts: Consumption): number {
  const { inputTokens, cachedInputTokens, cacheWriteTokens, outputTokens, reasoningTokens } = amounts;
  return inputTokens + cachedInputTokens + cacheWriteTokens + outputTokens + reasoningTokens;
}
