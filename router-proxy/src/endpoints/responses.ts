import { parseJsonObject, type JsonObject } from '../body/json-object.ts';
import { RELAYS } from '../stream/relays.ts';
import { writtenText } from '../stream/written-text.ts';
import type { Endpoint, InputFacts } from './endpoint.ts';
import { renderJson, type JsonShape } from './json-render.ts';
import { invalid, readFlag, readModel, type Members } from './request-members.ts';
import { boundResponse } from './responses-bound.ts';

/** `POST /v1/responses`: OpenAI's request with items and tools. Its last event carries the usage without being asked. */
export const responses: Endpoint = {
  path: '/v1/responses',
  aliases: ['/responses'],
  operation: 'responses',
  dialect: 'openai',
  isFree: false,
  read(bytes) {
    const body = parseJsonObject(bytes);
    const { value } = body;
    refuseBackground(value);
    return {
      model: readModel(value),
      stream: readFlag(value, 'stream'),
      idempotencyKey: null,
      bound: boundResponse(body),
      conversation: body.value,
      render: (changes) => renderJson(body, SHAPE, changes),
      relay: (isEventStream) =>
        isEventStream ? RELAYS.responses.events({ dropUsage: false }) : RELAYS.responses.whole(),
      inputFacts: () => inputFacts(body),
    };
  },
};

const SHAPE: JsonShape = { caps: ['max_output_tokens'], injectUsage: false };

/** A background response is answered before it is written, and what it consumed would never be known here. */
function refuseBackground(members: Members): void {
  if (!readFlag(members, 'background')) return;
  throw invalid(
    'background',
    '"background" is not supported: what it consumes could not be metered. Use "stream".',
  );
}

const TEXT_NAMES: ReadonlySet<string> = new Set([
  ...['instructions', 'content', 'text', 'arguments', 'output', 'input', 'name', 'description'],
]);
const TOKENS_PER_ITEM = 3;

function inputFacts({ value }: JsonObject): InputFacts {
  const { input, instructions, tools } = value;
  return {
    text: writtenText({ instructions, input, tools }, TEXT_NAMES),
    tokens: TOKENS_PER_ITEM * (Array.isArray(input) ? input.length + 1 : 2),
    audioMs: 0,
  };
}
