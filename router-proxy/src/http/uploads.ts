import type { IncomingMessage } from 'node:http';
import { boundaryOf, type Form } from '../body/form.ts';
import { createRequestSource } from '../body/request-source.ts';
import { createUpload, type Upload } from '../body/upload.ts';
import type { UploadMemory } from '../body/upload-memory.ts';
import type { Endpoint, InferenceCall } from '../endpoints/endpoint.ts';
import type { Policy } from '../keys/policy.ts';

/**
 * @param form The request whose form is still on the socket; null where the body was read before.
 * @returns Null where there is no form. @throws AppError for a form that is too large or is none.
 */
export type OpenUpload = (endpoint: Endpoint, form: IncomingMessage | null) => Upload | null;

export interface UploadSettings {
  readonly bytesMax: number;
  readonly textBytesMax: number;
  readonly memory: UploadMemory;
}

export function createOpenUpload(settings: UploadSettings): OpenUpload {
  return (endpoint, form) => {
    if (!form) return null;
    const contentType = form.headers['content-type'];
    const boundary = endpoint.readForm ? boundaryOf(contentType) : undefined;
    if (boundary === undefined || contentType === undefined) return null;
    const length = form.headers['content-length'];
    return createUpload({
      ...settings,
      source: createRequestSource(form),
      announcedBytes: length === undefined ? null : Number(length),
      contentType,
      boundary,
    });
  };
}

/**
 * Where nothing is held for it, a form is sent on as soon as its model is known and its first file begins. Where a budget
 * blocks, everything that bounds the cost has to be known first, and may stand behind the files.
 */
export async function readUpload(endpoint: Endpoint, upload: Upload, policy: Policy): Promise<InferenceCall> {
  await upload.readUntil(policy.blockingBudgets.length > 0 ? () => false : isModelKnown);
  if (!endpoint.readForm) throw new Error('an upload is only opened where forms are read');
  return endpoint.readForm(upload);
}

function isModelKnown(form: Form): boolean {
  return form.isInFile && form.field('model') !== undefined;
}
