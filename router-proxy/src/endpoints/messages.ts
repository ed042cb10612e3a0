import { AppError } from '@weir/kernel/errors';
import { parseJsonObject, type JsonObject } from '../body/json-object.ts';
import { readFlag, readModel } from '../body/typed-members.ts';
import { createCountTokensRelay } from '../stream/count-tokens-relay.ts';
import { createMessagesJsonRelay } from '../stream/messages-json-relay.ts';
import { createMessagesStreamRelay } from '../stream/messages-stream-relay.ts';
import type { Endpoint } from './endpoint.ts';
import { boundMessages } from './messages-bound.ts';
import { readConversation } from './messages-content.ts';
import { renderMessages } from './messages-render.ts';

/** `POST /v1/messages`: Anthropic's request, forwarded as it came. */
export const messages: Endpoint = {
  path: '/v1/messages',
  aliases: ['/messages'],
  operation: 'messages',
  dialect: 'anthropic',
  isFree: false,
  read(bytes) {
    const body = parseJsonObject(bytes);
    const model = readModel(body);
    const facts = readConversation(body.value['messages'], body.value['system']);
    return {
      model,
      stream: readFlag(body, 'stream'),
      idempotencyKey: null,
      bound: boundMessages(body, facts, readMaxTokens(body)),
      conversation: body.value,
      render: (changes) => renderMessages(body, changes),
      relay: (isEventStream) => (isEventStream ? createMessagesStreamRelay() : createMessagesJsonRelay()),
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
    const model = readModel(body);
    readConversation(body.value['messages'], body.value['system']);
    return {
      model,
      stream: false,
      idempotencyKey: null,
      bound: { inputTokensMax: 0, choices: 0, outputCap: null, outputCapMin: 1, unbounded: null },
      render: (changes) => renderMessages(body, changes),
      relay: createCountTokensRelay,
    };
  },
};

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
