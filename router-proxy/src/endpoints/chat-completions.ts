import { parseJsonObject, type JsonObject } from '../body/json-object.ts';
import { RELAYS } from '../stream/relays.ts';
import { writtenText } from '../stream/written-text.ts';
import { boundChat, type MessageFacts } from './chat-bound.ts';
import { readMessages } from './chat-messages.ts';
import type { Endpoint, InferenceCall, InputFacts, RequestChanges } from './endpoint.ts';
import { renderJson, type JsonShape } from './json-render.ts';
import { readFlag, readModel } from './request-members.ts';
import { asksForUsage } from './stream-usage.ts';

/** `POST /v1/chat/completions`: OpenAI's chat request, forwarded as it came. */
export const chatCompletions: Endpoint = {
  path: '/v1/chat/completions',
  aliases: ['/chat/completions', '/v2/chat/completions'],
  operation: 'chat/completions',
  dialect: 'openai',
  isFree: false,
  read(bytes) {
    const body = parseJsonObject(bytes);
    return chatCall(body, readMessages(body.value['messages']), renderJson);
  },
};

type Render = (body: JsonObject, shape: JsonShape, changes: RequestChanges) => Uint8Array;

const CAPS = ['max_completion_tokens', 'max_tokens'] as const;

/** A chat request whose messages are already checked. */
export function chatCall(body: JsonObject, messages: readonly MessageFacts[], render: Render): InferenceCall {
  const model = readModel(body.value);
  const stream = readFlag(body.value, 'stream');
  const injectUsage = stream && !asksForUsage(body);
  return {
    model,
    stream,
    idempotencyKey: null,
    bound: boundChat(body, messages),
    conversation: body.value,
    render: (changes) => render(body, { caps: CAPS, injectUsage }, changes),
    relay: (isEventStream) =>
      isEventStream ? RELAYS.chat.events({ dropUsage: injectUsage }) : RELAYS.chat.whole(),
    inputFacts: () => inputFacts(body, messages.length),
  };
}

/** OpenAI counts three tokens around each message, and three before the answer. */
const TOKENS_PER_MESSAGE = 3;
const TEXT_NAMES: ReadonlySet<string> = new Set(['content', 'text', 'arguments', 'name', 'description']);

function inputFacts({ value }: JsonObject, messages: number): InputFacts {
  const { messages: list, prompt, tools, functions } = value;
  return {
    text: writtenText({ messages: list, content: prompt, tools, functions }, TEXT_NAMES),
    tokens: TOKENS_PER_MESSAGE * (messages + 1),
    audioMs: 0,
  };
}
