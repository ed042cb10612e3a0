import { AppError } from '@weir/kernel/errors';
import { parseJsonObject, type JsonObject } from '../body/json-object.ts';
import { RELAYS } from '../stream/relays.ts';
import { writtenText } from '../stream/written-text.ts';
import type { Endpoint, InputFacts } from './endpoint.ts';
import { boundMessages } from './messages-bound.ts';
import { readConversation } from './messages-content.ts';
import { renderMessages } from './messages-render.ts';
import { readFlag, readModel } from './request-members.ts';

/** `POST /v1/messages`: Anthropic's request, forwarded as it came. */
export const messages: Endpoint = {
  path: '/v1/messages',
  aliases: ['/messages'],
  operation: 'messages',
  dialect: 'anthropic',
  isFree: false,
  read(bytes) {
    const body = parseJsonObject(bytes);
    const model = readModel(body.value);
    const facts = readConversation(body.value['messages'], body.value['system']);
    return {
      model,
      stream: readFlag(body.value, 'stream'),
      idempotencyKey: null,
      bound: boundMessages(body, facts, readMaxTokens(body)),
      conversation: body.value,
      render: (changes) => renderMessages(body, changes),
      relay: (isEventStream) => (isEventStream ? RELAYS.messages.events() : RELAYS.messages.whole()),
      inputFacts: () => inputFacts(body, facts.messages),
    };
  },
};

/** `POST /v1/messages/count_tokens`: how many input tokens a request would have. It has no output and costs nothing. */
export const countTokens: Endpoint = {
  path: '/v1/messages/count_tokens',
  aliases: ['/messages/count_tokens'],
  operation: 'messages/count_tokens',
  dialect: 'anthropic',
  isFree: true,
  read(bytes) {
    const body = parseJsonObject(bytes);
    const model = readModel(body.value);
    readConversation(body.value['messages'], body.value['system']);
    return {
      model,
      stream: false,
      idempotencyKey: null,
      bound: { inputTokensMax: 0, output: { kind: 'none' }, imagesMax: 0, unbounded: null },
      render: (changes) => renderMessages(body, changes),
      relay: RELAYS.tokenCounts.whole,
      inputFacts: () => NOTHING_READ,
    };
  },
};

const TOKENS_PER_MESSAGE = 3;
const TEXT_NAMES: ReadonlySet<string> = new Set([
  'text',
  'content',
  'name',
  'description',
  'thinking',
  'system',
]);
const NOTHING_READ: InputFacts = { text: '', tokens: 0, audioMs: 0 };

function inputFacts({ value }: JsonObject, messageCount: number): InputFacts {
  const { system, messages: list, tools } = value;
  return {
    text: writtenText({ system, messages: list, tools }, TEXT_NAMES),
    tokens: TOKENS_PER_MESSAGE * (messageCount + 1),
    audioMs: 0,
  };
}

/** Required by Anthropic; 0 fills the prompt cache and generates nothing. */
function readMaxTokens(body: JsonObject): number {
  const value = body.value['max_tokens'];
  if (value === undefined || value === null) {
    throw new AppError('INVALID_REQUEST', '"max_tokens" is missing: say how long the answer may be.', {
      param: 'max_tokens',
    });
  }
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) {
    throw new AppError('INVALID_REQUEST', '"max_tokens" must be a whole number that is not negative.', {
      param: 'max_tokens',
    });
  }
  return value;
}
