import { NO_USAGE, type Usage } from '@weir/kernel/usage';

/** Anthropic's counts as they stand; null where none has come yet. */
export interface MessageCounts {
  readonly input: number | null;
  readonly cached: number | null;
  readonly cacheWrite: number | null;
  /** Contains the thinking. */
  readonly output: number | null;
  readonly thinking: number | null;
}

export const NO_COUNTS: MessageCounts = {
  input: null,
  cached: null,
  cacheWrite: null,
  output: null,
  thinking: null,
};

/**
 * Takes what a `usage` object says into the counts. They are cumulative, and the last event of a stream may repeat the
 * input or leave it out, so of two reports the larger one holds.
 */
export function withReport(counts: MessageCounts, usage: unknown): MessageCounts {
  if (!isRecord(usage)) return counts;
  const details = usage['output_tokens_details'];
  return {
    input: larger(counts.input, usage['input_tokens']),
    cached: larger(counts.cached, usage['cache_read_input_tokens']),
    cacheWrite: larger(counts.cacheWrite, usage['cache_creation_input_tokens']),
    output: larger(counts.output, usage['output_tokens']),
    thinking: larger(counts.thinking, isRecord(details) ? details['thinking_tokens'] : null),
  };
}

/**
 * Null unless input and output were told; zero is a report. `input_tokens` contains neither what was read from the
 * cache nor what was written to it. Writes for five minutes and for an hour are one class: a price of ours has one
 * rate for them, which for who uses the longer one has to be the dearer.
 */
export function usageOf({ input, cached, cacheWrite, output, thinking }: MessageCounts): Usage | null {
  if (input === null || output === null) return null;
  const reasoningTokens = Math.min(thinking ?? 0, output);
  return {
    ...NO_USAGE,
    inputTokens: input,
    cachedInputTokens: cached ?? 0,
    cacheWriteTokens: cacheWrite ?? 0,
    outputTokens: output - reasoningTokens,
    reasoningTokens,
  };
}

function larger(before: number | null, value: unknown): number | null {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) return before;
  return before === null ? value : Math.max(before, value);
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}
