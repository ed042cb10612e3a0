import { parseJsonObject } from '../body/json-object.ts';
import { RELAYS } from '../stream/relays.ts';
import type { Endpoint } from './endpoint.ts';
import { boundImages, refuseSecondModel } from './image-bound.ts';
import { PLAIN_JSON, renderJson } from './json-render.ts';
import { readFlag, readModel, requireText, unlistedMember } from './request-members.ts';

const BOUNDED_MEMBERS: ReadonlySet<string> = new Set([
  ...[
    'model',
    'prompt',
    'n',
    'size',
    'quality',
    'style',
    'background',
    'moderation',
    'response_format',
    'user',
  ],
  ...['output_format', 'output_compression', 'stream', 'partial_images', 'safety_identifier'],
]);

/** `POST /v1/images/generations`: images from a text. */
export const imagesGenerations: Endpoint = {
  path: '/v1/images/generations',
  aliases: ['/images/generations'],
  operation: 'images/generations',
  dialect: 'openai',
  isFree: false,
  read(bytes) {
    const body = parseJsonObject(bytes);
    const { value } = body;
    const prompt = requireText(value, 'prompt');
    refuseSecondModel(value);
    return {
      model: readModel(value),
      stream: readFlag(value, 'stream'),
      idempotencyKey: null,
      bound: boundImages(value, bytes.length, unlistedMember(body, BOUNDED_MEMBERS)),
      render: (changes) => renderJson(body, PLAIN_JSON, changes),
      relay: (isEventStream) =>
        isEventStream ? RELAYS.images.events({ dropUsage: false }) : RELAYS.images.whole(),
      inputFacts: () => ({ text: prompt, tokens: 0, audioMs: 0 }),
    };
  },
};
