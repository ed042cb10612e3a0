import { parseJsonObject } from '../body/json-object.ts';
import { RELAYS } from '../stream/relays.ts';
import { foreignInput } from './embeddings.ts';
import type { Endpoint } from './endpoint.ts';
import { PLAIN_JSON, renderJson } from './json-render.ts';
import { readModel, unlistedMember } from './request-members.ts';
import { readTextInput } from './text-input.ts';

const BOUNDED_MEMBERS: ReadonlySet<string> = new Set(['model', 'input', 'user']);
const TOKENS_PER_TEXT = 8;

/** `POST /v1/moderations`: whether texts and images are harmful. Answers report no usage, so only a price per request counts. */
export const moderations: Endpoint = {
  path: '/v1/moderations',
  aliases: ['/moderations'],
  operation: 'moderations',
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
      relay: () => RELAYS.moderations.whole(),
      inputFacts: () => ({ text: input.text, tokens: input.tokens, audioMs: 0 }),
    };
  },
};
