import { AppError } from '@weir/kernel/errors';
import { parseJsonObject, type JsonObject } from '../body/json-object.ts';
import { ChatCall } from './chat-completions.ts';
import { readMessages, type MessageFacts } from './chat-messages.ts';
import type { Endpoint } from './endpoint.ts';
import { renderInference } from './inference-render.ts';

const REQUEST_ID_LENGTH_MAX = 255;

/**
 * `POST /v1/inference`: a chat request that may give one `prompt` instead of messages, and may name itself by
 * `request_id` so that a repetition is not billed twice.
 */
export const inference: Endpoint = {
  path: '/v1/inference',
  aliases: [],
  operation: 'chat/completions',
  dialect: 'openai',
  isFree: false,
  read(bytes) {
    const body = parseJsonObject(bytes);
    return new ChatCall(body, readPromptOrMessages(body), renderInference, readRequestId(body));
  },
};

function readPromptOrMessages(body: JsonObject): MessageFacts {
  const { prompt, messages } = body.value;
  if (prompt === undefined) return readMessages(messages);
  if (messages !== undefined) {
    throw new AppError('INVALID_REQUEST', 'Send either "prompt" or "messages", not both.', {
      param: 'prompt',
    });
  }
  if (typeof prompt !== 'string' || prompt === '') {
    throw new AppError('INVALID_REQUEST', '"prompt" must be a text that is not empty.', { param: 'prompt' });
  }
  return { count: 1, foreignPart: null };
}

function readRequestId(body: JsonObject): string | null {
  const requestId = body.value['request_id'];
  if (requestId === undefined) return null;
  if (typeof requestId !== 'string' || requestId === '' || requestId.length > REQUEST_ID_LENGTH_MAX) {
    throw new AppError(
      'INVALID_REQUEST',
      `"request_id" must be a text of 1 to ${REQUEST_ID_LENGTH_MAX} characters.`,
      { param: 'request_id' },
    );
  }
  return requestId;
}
