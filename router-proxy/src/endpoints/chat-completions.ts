import { AppError } from '@weir/kernel/errors';
import { objectMembers } from '../body/json-members.ts';
import { parseJsonObject, type JsonObject } from '../body/json-object.ts';
import { readFlag, readModel } from '../body/typed-members.ts';
import { createChatJsonRelay } from '../stream/chat-json-relay.ts';
import { createChatStreamRelay } from '../stream/chat-stream-relay.ts';
import { boundChat, type MessageFacts } from './chat-bound.ts';
import { readMessages } from './chat-messages.ts';
import { renderChat } from './chat-render.ts';
import type { Endpoint, InferenceCall } from './endpoint.ts';

/** `POST /v1/chat/completions`: OpenAI's chat request, forwarded as it came. */
export const chatCompletions: Endpoint = {
  path: '/v1/chat/completions',
  aliases: ['/chat/completions'],
  operation: 'chat/completions',
  dialect: 'openai',
  isFree: false,
  read(bytes) {
    const body = parseJsonObject(bytes);
    return chatCall(body, readMessages(body.value['messages']), { isInference: false });
  },
};

/** A chat request whose messages are already checked. */
export function chatCall(
  body: JsonObject,
  messages: readonly MessageFacts[],
  kind: { readonly isInference: boolean },
): InferenceCall {
  const model = readModel(body);
  const stream = readFlag(body, 'stream');
  const injectUsage = stream && !asksForUsage(body);
  return {
    model,
    stream,
    idempotencyKey: null,
    bound: boundChat(body, messages),
    conversation: body.value,
    render: (changes) => renderChat(body, { injectUsage, ...kind }, changes),
    relay: (isEventStream) =>
      isEventStream ? createChatStreamRelay({ dropUsage: injectUsage }) : createChatJsonRelay(),
  };
}

function asksForUsage(body: JsonObject): boolean {
  const options = body.value['stream_options'];
  if (options === undefined || options === null) return false;
  if (typeof options !== 'object' || Array.isArray(options)) {
    throw new AppError('INVALID_REQUEST', '"stream_options" must be an object.', { param: 'stream_options' });
  }
  const member = body.member('stream_options');
  const given = (member ? (objectMembers(body.bytes, member.valueStart) ?? []) : []).filter(
    ({ key }) => key === 'include_usage',
  );
  if (given.length > 1) {
    throw new AppError('INVALID_REQUEST', '"include_usage" appears more than once.', {
      param: 'stream_options',
    });
  }
  return 'include_usage' in options && options.include_usage === true;
}
