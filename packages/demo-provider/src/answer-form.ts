import type { Answer, Choice } from './answer.ts';

export interface StreamEvent {
  /** One whole SSE event with its empty line. */
  readonly text: string;
  /** Completion tokens (reasoning included) that the events up to and including this one stand for. */
  readonly tokensSoFar: number;
  readonly isContent: boolean;
}

/** How an answer is written down. */
export interface AnswerForm {
  /** The body of an answer that is not streamed. */
  body(model: string, answer: Answer, withUsage: boolean): string;
  /** Every event of a streamed answer. */
  events(model: string, answer: Answer, withUsage: boolean): StreamEvent[];
  /** An error in the middle of a stream. */
  readonly errorEvent: string;
  /** A header of the provider's that tells whose account it is; a gateway must not pass it on. */
  readonly accountHeader: Readonly<Record<string, string>>;
}

/** The choice's words in `chunks` parts of nearly the same length; never an empty part. */
export function partsOf(
  choice: Choice,
  chunks: number,
): { readonly text: string; readonly tokens: number }[] {
  const amount = Math.min(choice.words.length, Math.max(1, chunks));
  return Array.from({ length: amount }, (_, index) => {
    const from = Math.floor((index * choice.words.length) / amount);
    const to = Math.floor(((index + 1) * choice.words.length) / amount);
    return { text: choice.words.slice(from, to).join(''), tokens: to - from };
  });
}
