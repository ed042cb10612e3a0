import { parseJsonObject, type JsonObject } from '../body/json-object.ts';
import type { ParsedBody } from '../routing/conversation-start.ts';
import { RELAYS } from '../stream/relays.ts';
import { writtenText } from '../stream/written-text.ts';
import type { Relay } from '../stream/relay.ts';
import { boundChat } from './chat-bound.ts';
import { readMessages, type MessageFacts } from './chat-messages.ts';
import type { CallBound, Endpoint, InferenceCall, InputFacts, RequestChanges } from './endpoint.ts';
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
    return new ChatCall(body, readMessages(body.value['messages']), renderJson);
  },
};

type Render = (body: JsonObject, shape: JsonShape, changes: RequestChanges) => Uint8Array;

const CAPS = ['max_completion_tokens', 'max_tokens'] as const;
const WITHOUT_USAGE: JsonShape = { caps: CAPS, injectUsage: false };
const WITH_USAGE: JsonShape = { caps: CAPS, injectUsage: true };

/** A chat request whose messages are already checked. */
export class ChatCall implements InferenceCall {
  readonly model: string;
  readonly stream: boolean;
  readonly idempotencyKey: string | null;
  readonly bound: CallBound;
  readonly #body: JsonObject;
  readonly #messages: number;
  readonly #shape: JsonShape;
  readonly #render: Render;

  /** @throws AppError INVALID_REQUEST */
  constructor(
    body: JsonObject,
    messages: MessageFacts,
    render: Render,
    idempotencyKey: string | null = null,
  ) {
    this.model = readModel(body.value);
    this.stream = readFlag(body.value, 'stream');
    this.idempotencyKey = idempotencyKey;
    this.#shape = this.stream && !asksForUsage(body) ? WITH_USAGE : WITHOUT_USAGE;
    this.bound = boundChat(body, messages);
    this.#body = body;
    this.#messages = messages.count;
    this.#render = render;
  }

  get conversation(): ParsedBody {
    return this.#body.value;
  }

  render(changes: RequestChanges): Uint8Array {
    return this.#render(this.#body, this.#shape, changes);
  }

  relay(isEventStream: boolean): Relay {
    return isEventStream ? RELAYS.chat.events({ dropUsage: this.#shape.injectUsage }) : RELAYS.chat.whole();
  }

  inputFacts(): InputFacts {
    return inputFacts(this.#body, this.#messages);
  }
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
