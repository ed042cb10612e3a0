import type { Answer, Billed, Choice } from './answer.ts';
import { partsOf, type AnswerForm, type StreamEvent } from './answer-form.ts';

/** Anthropic counts what was read from the cache and what was written to it beside the input. */
function inputOf({ prompt, cached, cacheWrite }: Billed): object {
  return {
    input_tokens: prompt - cached - cacheWrite,
    cache_creation_input_tokens: cacheWrite,
    cache_read_input_tokens: cached,
    cache_creation: { ephemeral_5m_input_tokens: cacheWrite, ephemeral_1h_input_tokens: 0 },
  };
}

function outputOf({ completion, reasoning }: Billed): object {
  return { output_tokens: completion, output_tokens_details: { thinking_tokens: reasoning } };
}

/** Of a tool that is called, the words are its one argument. */
function blockOf({ toolCall }: Answer, text: string): object {
  return toolCall === null
    ? { type: 'text', text, citations: null }
    : { type: 'tool_use', id: 'toolu_demo', name: toolCall, input: { text } };
}

function emptyBlock({ toolCall }: Answer): object {
  return toolCall === null
    ? { type: 'text', text: '', citations: null }
    : { type: 'tool_use', id: 'toolu_demo', name: toolCall, input: {} };
}

function stopReasonOf({ toolCall }: Answer, choice: Choice): string {
  if (choice.finishReason === 'length') return 'max_tokens';
  return toolCall === null ? 'end_turn' : 'tool_use';
}

function messageOf(model: string, answer: Answer): object {
  return { id: `msg_${answer.id}`, type: 'message', role: 'assistant', model };
}

const NO_CHOICE: Choice = { words: [], reasoningTokens: 0, finishReason: 'stop' };

function messageBody(model: string, answer: Answer, withUsage: boolean): string {
  const choice = answer.choices[0] ?? NO_CHOICE;
  return JSON.stringify({
    ...messageOf(model, answer),
    content: [blockOf(answer, choice.words.join(''))],
    stop_reason: stopReasonOf(answer, choice),
    stop_sequence: null,
    ...(withUsage ? { usage: { ...inputOf(answer.billed), ...outputOf(answer.billed) } } : {}),
  });
}

function event(type: string, members: object): string {
  return `event: ${type}\ndata: ${JSON.stringify({ type, ...members })}\n\n`;
}

/** Input in the first event, output in the last but one, a ping between them. */
function messageEvents(model: string, answer: Answer, withUsage: boolean): StreamEvent[] {
  const choice = answer.choices[0] ?? NO_CHOICE;
  const events: StreamEvent[] = [];
  let tokensSoFar = 0;
  const push = (type: string, members: object, isContent = false): void => {
    events.push({ text: event(type, members), tokensSoFar, isContent });
  };
  const usage = withUsage ? { usage: { ...inputOf(answer.billed), output_tokens: 0 } } : {};
  const empty = { content: [], stop_reason: null, stop_sequence: null };
  push('message_start', { message: { ...messageOf(model, answer), ...empty, ...usage } });
  tokensSoFar += choice.reasoningTokens;
  push('content_block_start', { index: 0, content_block: emptyBlock(answer) });
  push('ping', {});
  const parts = partsOf(choice, answer.options.chunks ?? choice.words.length);
  for (const [index, { text, tokens }] of parts.entries()) {
    tokensSoFar += tokens;
    push('content_block_delta', { index: 0, delta: deltaOf(answer, text, index, parts.length) }, true);
  }
  push('content_block_stop', { index: 0 });
  push('message_delta', {
    delta: { stop_reason: stopReasonOf(answer, choice), stop_sequence: null },
    ...(withUsage ? { usage: outputOf(answer.billed) } : {}),
  });
  push('message_stop', {});
  return events;
}

function deltaOf({ toolCall }: Answer, text: string, index: number, amount: number): object {
  if (toolCall === null) return { type: 'text_delta', text };
  const written = JSON.stringify(text).slice(1, -1);
  const json = `${index === 0 ? '{"text":"' : ''}${written}${index === amount - 1 ? '"}' : ''}`;
  return { type: 'input_json_delta', partial_json: json };
}

/** Anthropic's messages. */
export const messageForm: AnswerForm = {
  body: messageBody,
  events: messageEvents,
  errorEvent: event('error', { error: { type: 'overloaded_error', message: 'Overloaded' } }),
  accountHeader: { 'anthropic-organization-id': 'demo-organization', 'request-id': 'req_demo' },
};
