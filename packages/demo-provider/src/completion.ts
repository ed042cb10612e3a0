import type { Answer, Billed } from './answer.ts';
import { partsOf, type AnswerForm, type StreamEvent } from './answer-form.ts';

/** A constant instead of the time, so that answers to the same request are equal to the last byte. */
const CREATED_SECONDS = 1_767_225_600;
const FINGERPRINT = 'fp_demo';

function usageOf(billed: Billed): object {
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
    id: `chatcmpl-${answer.id}`,
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

/**
 * Every event of a streamed answer, `[DONE]` included. Choices are interleaved, as providers do.
 * Without `include_usage` no event mentions usage at all.
 */
export function streamEvents(model: string, answer: Answer, withUsage: boolean): StreamEvent[] {
  const head =
    `data: {"id":"chatcmpl-${answer.id}","object":"chat.completion.chunk","created":${CREATED_SECONDS},` +
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

/** OpenAI's chat completions. */
export const completionForm: AnswerForm = {
  body: completionBody,
  events: streamEvents,
  errorEvent:
    'data: {"error":{"message":"The server had an error while processing your request.","type":"server_error","param":null,"code":null}}\n\n',
  accountHeader: { 'openai-organization': 'demo-organization' },
};

/** Azure says first what its filter found in the prompt, in an event without choices and without usage. */
const PROMPT_FILTER_EVENT =
  'data: {"choices":[],"created":0,"id":"","model":"","object":"","prompt_filter_results":[{"prompt_index":0,"content_filter_results":{"hate":{"filtered":false,"severity":"safe"}}}]}\n\n';

export const azureForm: AnswerForm = {
  ...completionForm,
  events: (model, answer, withUsage) => [
    { text: PROMPT_FILTER_EVENT, tokensSoFar: 0, isContent: false },
    ...streamEvents(model, answer, withUsage),
  ],
};
