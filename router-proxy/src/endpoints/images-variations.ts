import type { Endpoint } from './endpoint.ts';
import { formOnly, requireFile } from './form-members.ts';
import { imageCall } from './images-edits.ts';

const BOUNDED_FIELDS: ReadonlySet<string> = new Set([
  'model',
  'image',
  'n',
  'size',
  'response_format',
  'user',
]);

/** `POST /v1/images/variations`: other images like one. */
export const imagesVariations: Endpoint = {
  path: '/v1/images/variations',
  aliases: ['/images/variations'],
  operation: 'images/variations',
  dialect: 'openai',
  isFree: false,
  read() {
    throw formOnly();
  },
  readForm(upload) {
    requireFile(upload.form, 'image');
    return imageCall(upload, BOUNDED_FIELDS);
  },
};
