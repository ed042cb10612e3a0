import { NO_USAGE, type Usage } from '@weir/kernel/usage';
import type { InputFacts } from '../endpoints/endpoint.ts';
import type { Seen } from '../stream/relay.ts';
import type { TokenCounter } from './token-counter.ts';

/** What is known of an attempt whose provider reported nothing. */
export interface Unreported {
  readonly input: InputFacts;
  /** What of the answer passed. */
  readonly seen: Seen;
  /** The most output that the provider was allowed; null where there was no cap. */
  readonly outputTokensMax: number | null;
}

export async function estimateUsage(
  { input, seen, outputTokensMax }: Unreported,
  counter: TokenCounter,
): Promise<Usage> {
  const { partial } = seen;
  const [inputTokens = 0, written = 0] = await counter.count([partial ? '' : input.text, seen.text.text]);
  const writtenTokens = Math.ceil(written * seen.text.scale);
  const outputTokens = Math.min(writtenTokens, outputTokensMax ?? writtenTokens);
  if (partial) return { ...partial, outputTokens: Math.max(partial.outputTokens, outputTokens) };
  return {
    ...NO_USAGE,
    inputTokens: inputTokens + input.tokens,
    outputTokens,
    images: seen.images,
    audioMs: seen.audioMs > 0 ? seen.audioMs : input.audioMs,
  };
}
