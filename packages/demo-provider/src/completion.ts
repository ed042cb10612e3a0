import type { Answer, BilledTokens, Choice } from './answer.ts';

/** A constant instead of the time, so that answers to the same request are equal to the last byte. */
const CREATED_SECONDS = 1_767_225_600;
const FINGERPRINT = 'fp_demo';

function usageOf(billed: BilledTokens): object {
  return {
    prompt_tokens: billed.prompt,
    completion_tokens: billed.completion,
    total_tokens: billed.prompt + billed.completion,
    prompt_tokens_details: { cached_tokens: billed.cached, audio_tokens: 0 },
    completion_tokens_details: { reasoning_tokens: billed.reasoning, audio_tokens: 0 },
  };
}

/** The body of an answer that is not streamed. */
export function completionBody(model: string, answer: Answer, withUsage: boolean): string {
  return JSON.stringify({
    id: answer.id,
    object: 'chat.completion',
    created: CREATED_SECONDS,
    model,
    choices: answer.choices.map((choice, index) => ({
      index,
      message: { role: 'assistant', content: choice.words.join(''), refusal: null, annotations: [] },
      logprobs: null,
      finish_reason: choice.finishReason,
    })),
    ...(withUsage ? { usage: usageOf(answer.billed) } : {}),
    service_tier: 'default',
    system_fingerprint: FINGERPRINT,
  });
}

export interface StreamEvent {
  /** One whole SSE event with its empty line. */
  readonly text: string;
  /** Completion tokens (reasoning included) that the events up to and including this one stand for. */
  readonly tokensSoFar: number;
  readonly isContent: boolean;
}

/** The choice's words in `chunks` parts of nearly the same length; never an empty part. */
function partsOf(choice: Choice, chunks: number): { readonly text: string; readonly tokens: number }[] {
  const amount = Math.min(choice.words.length, Math.max(1, chunks));
  return Array.from({ length: amount }, (_, index) => {
    const from = Math.floor((index * choice.words.length) / amount);
    const to = Math.floor(((index + 1) * choice.words.length) / amount);
    return { text: choice.words.slice(from, to).join(''), tokens: to - from };
  });
}

/**
 * Every event of a streamed answer, `[DONE]` included. Choices are interleaved, as providers do.
 * Without `include_usage` no event mentions usage at all.
 */
export function streamEvents(model: string, answer: Answer, withUsage: boolean): StreamEvent[] {
  const head =
    `data: {"id":"${answer.id}","object":"chat.completion.chunk","created":${CREATED_SECONDS},` +
    `"model":${JSON.stringify(model)},"service_tier":"default","system_fingerprint":"${FINGERPRINT}","choices":[`;
  const events: StreamEvent[] = [];
  let tokensSoFar = 0;
  const push = (choiceIndex: number, delta: string, finish: string | null, isContent: boolean): void => {
    const finishReason = finish === null ? 'null' : `"${finish}"`;
    const body = `{"index":${choiceIndex},"delta":${delta},"logprobs":null,"finish_reason":${finishReason}}]}\n\n`;
    events.push({ text: head + body, tokensSoFar, isContent });
  };
  answer.choices.forEach((choice, index) => {
    tokensSoFar += choice.reasoningTokens;
    push(index, '{"role":"assistant","content":"","refusal":null}', null, false);
  });
  const parts = answer.choices.map((choice) => partsOf(choice, answer.options.chunks ?? choice.words.length));
  const rounds = Math.max(...parts.map((list) => list.length));
  for (let round = 0; round < rounds; round++) {
    parts.forEach((list, index) => {
      const part = list[round];
      if (!part) return;
      tokensSoFar += part.tokens;
      push(index, `{"content":${JSON.stringify(part.text)}}`, null, true);
    });
  }
  answer.choices.forEach((choice, index) => push(index, '{}', choice.finishReason, false));
  if (withUsage) {
    events.push({
      text: `${head}],"usage":${JSON.stringify(usageOf(answer.billed))}}\n\n`,
      tokensSoFar,
      isContent: false,
    });
  }
  events.push({ text: 'data: [DONE]\n\n', tokensSoFar, isContent: false });
  return events;
}
