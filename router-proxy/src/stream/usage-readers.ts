import { NO_USAGE, type Usage } from '@weir/kernel/usage';

/** Reads the usage object of one family of endpoints. Null when it is absent or says nothing; zero is a report. */
export type ReadUsage = (value: unknown) => Usage | null;

/** `prompt_tokens` and `completion_tokens`: chat and text completions. */
export const readChatUsage: ReadUsage = (value) => {
  if (!isRecord(value)) return null;
  const prompt = count(value['prompt_tokens']);
  const completion = count(value['completion_tokens']);
  if (prompt === null || completion === null) return null;
  const reasoning = detail(value['completion_tokens_details'], 'reasoning_tokens');
  const beside = excludesReasoning(value, prompt, completion, reasoning);
  return textUsage(
    prompt,
    value['prompt_tokens_details'],
    beside ? completion : completion - reasoning,
    reasoning,
  );
};

/** `prompt_tokens` alone: embeddings have no output. */
export const readPromptUsage: ReadUsage = (value) => {
  const prompt = isRecord(value) ? count(value['prompt_tokens']) : null;
  return prompt === null ? null : { ...NO_USAGE, inputTokens: prompt };
};

/** `input_tokens` and `output_tokens`: responses, images, speech, transcripts. */
export const readTokenUsage: ReadUsage = (value) => {
  if (!isRecord(value)) return null;
  const input = count(value['input_tokens']);
  const output = count(value['output_tokens']);
  if (input === null || output === null) return null;
  const reasoning = Math.min(detail(value['output_tokens_details'], 'reasoning_tokens'), output);
  return textUsage(input, value['input_tokens_details'], output - reasoning, reasoning);
};

/** What a transcript costs: tokens, or the seconds of audio. */
export const readTranscriptUsage: ReadUsage = (value) => {
  if (!isRecord(value) || value['type'] !== 'duration') return readTokenUsage(value);
  const audioMs = milliseconds(value['seconds']);
  return audioMs === null ? null : { ...NO_USAGE, audioMs };
};

/** Seconds of audio, possibly with fractions; null for anything else. */
export function milliseconds(seconds: unknown): number | null {
  const number = typeof seconds === 'string' && seconds !== '' ? Number(seconds) : seconds;
  if (typeof number !== 'number' || !(number >= 0)) return null;
  const audioMs = Math.ceil(number * 1_000);
  return Number.isSafeInteger(audioMs) ? audioMs : null;
}

/** The total of the input contains what was read from a cache and what was written to one. */
function textUsage(total: number, details: unknown, outputTokens: number, reasoningTokens: number): Usage {
  const cachedInputTokens = Math.min(detail(details, 'cached_tokens'), total);
  const cacheWriteTokens = Math.min(detail(details, 'cache_write_tokens'), total - cachedInputTokens);
  const inputTokens = total - cachedInputTokens - cacheWriteTokens;
  return {
    inputTokens,
    cachedInputTokens,
    cacheWriteTokens,
    outputTokens,
    reasoningTokens,
    images: 0,
    audioMs: 0,
  };
}

/** Most providers count reasoning within `completion_tokens`; some beside it, which their total gives away. */
function excludesReasoning(
  usage: Readonly<Record<string, unknown>>,
  prompt: number,
  completion: number,
  reasoning: number,
): boolean {
  return (
    reasoning > completion || (reasoning > 0 && usage['total_tokens'] === prompt + completion + reasoning)
  );
}

function detail(details: unknown, name: string): number {
  return isRecord(details) ? (count(details[name]) ?? 0) : 0;
}

function count(value: unknown): number | null {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : null;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
