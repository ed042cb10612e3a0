import { answerOf, hashOf, NOTHING_BILLED, type Answer } from './answer.ts';
import { json, text, tokenUsage, typedEvents, type Operation, type OperationRequest } from './operation.ts';
import { tokensOf } from './tokens.ts';

const CREATED_SECONDS = 1_767_225_600;
const VECTOR_LENGTH = 8;

function answered(request: OperationRequest, prompt: string, cap: unknown): Answer {
  return answerOf(
    {
      model: request.model,
      prompt,
      lastMessage: prompt,
      messages: 1,
      stream: false,
      includeUsage: false,
      choices: 1,
      writesCache: false,
      toolCall: null,
      outputCap: typeof cap === 'number' ? cap : undefined,
    },
    request.behaviour,
    request.behaviour.options,
  );
}

/** `POST /v1/completions` */
export const completions: Operation = (request) => {
  const { members, model, withUsage } = request;
  const answer = answered(request, text(members['prompt']), members['max_tokens']);
  const { billed } = answer;
  const usage = {
    prompt_tokens: billed.prompt,
    completion_tokens: billed.completion,
    total_tokens: billed.prompt + billed.completion,
  };
  const choice = answer.choices[0];
  const words = choice?.words ?? [];
  const base = { id: answer.id, object: 'text_completion', created: CREATED_SECONDS, model };
  const withText = (written: string, finish: string | null): object => ({
    ...base,
    choices: [{ index: 0, text: written, logprobs: null, finish_reason: finish }],
  });
  if (members['stream'] !== true) {
    const whole = withText(words.join(''), choice?.finishReason ?? 'stop');
    return json({ ...whole, ...(withUsage ? { usage } : {}) }, billed);
  }
  const options = members['stream_options'];
  const isAsked = typeof options === 'object' && options !== null && 'include_usage' in options;
  const events = [
    ...words.map((word) => withText(word, null)),
    withText('', choice?.finishReason ?? 'stop'),
    ...(isAsked && options.include_usage === true && withUsage ? [{ ...base, choices: [], usage }] : []),
  ];
  const body = `${events.map((event) => `data: ${JSON.stringify(event)}\n\n`).join('')}data: [DONE]\n\n`;
  return { contentType: 'text/event-stream; charset=utf-8', body, billed, stream: true };
};

/** `POST /v1/responses` */
export const responses: Operation = (request) => {
  const { members, model, withUsage } = request;
  const answer = answered(request, text(members['input']), members['max_output_tokens']);
  const choice = answer.choices[0];
  const words = choice?.words ?? [];
  const isCut = choice?.finishReason === 'length';
  const id = `resp_${answer.id}`;
  const content = { type: 'output_text', text: words.join(''), annotations: [] };
  const item = {
    id: `msg_${answer.id}`,
    type: 'message',
    role: 'assistant',
    status: 'completed',
    content: [content],
  };
  const response = (status: string, isDone: boolean): object => ({
    ...{ id, object: 'response', created_at: CREATED_SECONDS, model, status },
    ...{ error: null, incomplete_details: isDone && isCut ? { reason: 'max_output_tokens' } : null },
    ...{ instructions: null, metadata: {}, parallel_tool_calls: true, tool_choice: 'auto', tools: [] },
    ...{ temperature: 1, top_p: 1, output: isDone ? [item] : [] },
    usage: isDone && withUsage ? tokenUsage(answer.billed) : null,
  });
  const end = isCut ? 'incomplete' : 'completed';
  if (members['stream'] !== true) return json(response(end, true), answer.billed);
  const at = { item_id: item.id, output_index: 0, content_index: 0 };
  const events = [
    { type: 'response.created', response: response('in_progress', false) },
    {
      type: 'response.output_item.added',
      output_index: 0,
      item: { ...item, status: 'in_progress', content: [] },
    },
    { type: 'response.content_part.added', ...at, part: { ...content, text: '' } },
    ...words.map((delta) => ({ type: 'response.output_text.delta', ...at, delta, logprobs: [] })),
    { type: 'response.output_text.done', ...at, text: content.text, logprobs: [] },
    { type: 'response.content_part.done', ...at, part: content },
    { type: 'response.output_item.done', output_index: 0, item },
    { type: `response.${end}`, response: response(end, true) },
  ];
  return typedEvents(
    events.map((event, number) => ({ ...event, sequence_number: number })),
    answer.billed,
  );
};

/** `POST /v1/embeddings`: numbers that depend on the text alone, in either encoding. */
export const embeddings: Operation = ({ members, model, withUsage }) => {
  const { input, dimensions } = members;
  const inputs: readonly unknown[] = Array.isArray(input) && !input.every(Number.isInteger) ? input : [input];
  const length = typeof dimensions === 'number' ? Math.min(dimensions, 3_072) : VECTOR_LENGTH;
  const tokens = inputs.reduce<number>((sum, item) => sum + tokensOf(text(item)), 0);
  const billed = { ...NOTHING_BILLED, prompt: tokens };
  const data = inputs.map((item, index) => {
    const vector = Float32Array.from(
      { length },
      (_, place) => (hashOf(`${place}\n${text(item)}`) % 2_001) / 1_000 - 1,
    );
    const embedding =
      members['encoding_format'] === 'base64' ? Buffer.from(vector.buffer).toString('base64') : [...vector];
    return { object: 'embedding', index, embedding };
  });
  const usage = { prompt_tokens: tokens, total_tokens: tokens };
  return json({ object: 'list', data, model, ...(withUsage ? { usage } : {}) }, billed);
};

/** `POST /v1/moderations`: harmful is what says so. Free, as at OpenAI. */
export const moderations: Operation = ({ members, model }) => {
  const { input } = members;
  const results = (Array.isArray(input) ? input : [input]).map((item: unknown) => {
    const flagged = text(item).includes('harm');
    return {
      flagged,
      categories: { violence: flagged },
      category_scores: { violence: flagged ? 0.9 : 0.01 },
      category_applied_input_types: { violence: ['text'] },
    };
  });
  return json({ id: `modr-${hashOf(text(input)).toString(16)}`, model, results }, NOTHING_BILLED);
};
