import type { Usage } from '@weir/kernel/usage';

/** How many bytes of text one token usually stands for; only used where a provider reports nothing. */
const BYTES_PER_TOKEN = 4;

export function estimateTokens(bytes: number): number {
  return Math.ceil(bytes / BYTES_PER_TOKEN);
}

/** Reads OpenAI's `usage` object. Null when it is absent or says nothing about tokens; zero is a report. */
export function readChatUsage(value: unknown): Usage | null {
  if (!isRecord(value)) return null;
  const prompt = count(value['prompt_tokens']);
  const completion = count(value['completion_tokens']);
  if (prompt === null || completion === null) return null;
  const cached = Math.min(detail(value['prompt_tokens_details'], 'cached_tokens'), prompt);
  const reasoning = detail(value['completion_tokens_details'], 'reasoning_tokens');
  return {
    inputTokens: prompt - cached,
    cachedInputTokens: cached,
    cacheWriteTokens: 0,
    outputTokens: excludesReasoning(value, prompt, completion, reasoning)
      ? completion
      : completion - reasoning,
    reasoningTokens: reasoning,
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
  return typeof value === 'object' && value !== null;
}
