import { parseJsonObject } from '../body/json-object.ts';
import type { Upload } from '../body/upload.ts';
import { RELAYS } from '../stream/relays.ts';
import type { Endpoint, InferenceCall } from './endpoint.ts';
import { formMembers, renderForm, requireFile, unlistedField } from './form-members.ts';
import { boundImages, refuseSecondModel } from './image-bound.ts';
import { PLAIN_JSON, renderJson } from './json-render.ts';
import { readFlag, readModel, requireText, unlistedMember } from './request-members.ts';

/** What an image that is read costs depends on the image, so a price of input tokens leaves it without a bound. */
const IMAGES = { param: 'image', reason: 'images that are read', of: ['input'] } as const;

const FIELDS = {
  model: 'text',
  prompt: 'text',
  n: 'number',
  stream: 'flag',
  partial_images: 'number',
} as const;

const BOUNDED_FIELDS: ReadonlySet<string> = new Set([
  ...['model', 'image', 'mask', 'prompt', 'n', 'size', 'quality', 'background', 'input_fidelity', 'user'],
  ...[
    'output_format',
    'output_compression',
    'response_format',
    'stream',
    'partial_images',
    'safety_identifier',
  ],
]);

const BOUNDED_MEMBERS: ReadonlySet<string> = new Set(
  [...BOUNDED_FIELDS, 'images'].filter((name) => name !== 'image'),
);

/** `POST /v1/images/edits`: images from a text and other images, as files of a form or as references in JSON. */
export const imagesEdits: Endpoint = {
  path: '/v1/images/edits',
  aliases: ['/images/edits'],
  operation: 'images/edits',
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
      bound: boundImages(value, bytes.length, unlistedMember(body, BOUNDED_MEMBERS) ?? IMAGES),
      render: (changes) => renderJson(body, PLAIN_JSON, changes),
      relay,
      inputFacts: () => ({ text: prompt, tokens: 0, audioMs: 0 }),
    };
  },
  readForm(upload) {
    requireFile(upload.form, 'image');
    return imageCall(upload, BOUNDED_FIELDS);
  },
};

/** A form with images in it. */
export function imageCall(upload: Upload, boundedFields: ReadonlySet<string>): InferenceCall {
  const { form } = upload;
  const members = formMembers(form, FIELDS);
  const model = readModel(members);
  return {
    model,
    stream: readFlag(members, 'stream'),
    idempotencyKey: null,
    bound: boundImages(members, form.textBytes, unlistedField(form, boundedFields) ?? IMAGES),
    render: (changes) => renderForm(upload, changes),
    relay,
    inputFacts: () => ({ text: form.field('prompt')?.value ?? '', tokens: 0, audioMs: 0 }),
  };
}

function relay(isEventStream: boolean) {
  return isEventStream ? RELAYS.images.events({ dropUsage: false }) : RELAYS.images.whole();
}
