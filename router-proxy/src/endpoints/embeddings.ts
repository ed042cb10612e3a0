import { parseJsonObject } from '../body/json-object.ts';
import { RELAYS } from '../stream/relays.ts';
import type { Endpoint, Unbounded } from './endpoint.ts';
import { PLAIN_JSON, renderJson } from './json-render.ts';
import { readModel, unlistedMember } from './request-members.ts';
import { readTextInput, type TextInput } from './text-input.ts';

/** Marks of a text's beginning and end. */
const TOKENS_PER_TEXT = 8;

const BOUNDED_MEMBERS: ReadonlySet<string> = new Set([
  'model',
  'input',
  'dimensions',
  'encoding_format',
  'user',
  'truncate',
  'input_type',
  'task',
]);

/** `POST /v1/embeddings`: vectors of texts. There is no output to cap. */
export const embeddings: Endpoint = {
  path: '/v1/embeddings',
  aliases: ['/embeddings'],
  operation: 'embeddings',
  dialect: 'openai',
  isFree: false,
  read(bytes) {
    const body = parseJsonObject(bytes);
    const input = readTextInput(body.value, 'input');
    return {
      model: readModel(body.value),
      stream: false,
      idempotencyKey: null,
      bound: {
        inputTokensMax: body.bytes.length + input.count * TOKENS_PER_TEXT,
        output: { kind: 'none' },
        imagesMax: 0,
        unbounded: foreignInput(input) ?? unlistedMember(body, BOUNDED_MEMBERS),
      },
      render: (changes) => renderJson(body, PLAIN_JSON, changes),
      relay: () => RELAYS.embeddings.whole(),
      inputFacts: () => ({ text: input.text, tokens: input.tokens, audioMs: 0 }),
    };
  },
};

export function foreignInput({ foreignPart }: TextInput): Unbounded | null {
  return foreignPart === null
    ? null
    : { param: 'input', reason: `input of the type "${foreignPart}"`, of: ['input'] };
}
