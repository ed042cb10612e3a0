import type { IncomingMessage } from 'node:http';
import { RequestError } from './chat-request.ts';
import { imagesAs, speech, transcript } from './media-operations.ts';
import type { Operation } from './operation.ts';
import { completions, embeddings, moderations, responses } from './text-operations.ts';

/** Every endpoint but chat, by its path. */
export const OPERATIONS: Readonly<Record<string, Operation>> = {
  '/v1/completions': completions,
  '/v1/responses': responses,
  '/v1/embeddings': embeddings,
  '/v1/moderations': moderations,
  '/v1/images/generations': imagesAs('image_generation'),
  '/v1/images/edits': imagesAs('image_edit'),
  '/v1/images/variations': imagesAs('image_edit'),
  '/v1/audio/speech': speech,
  '/v1/audio/transcriptions': transcript,
  '/v1/audio/translations': transcript,
};

export interface OperationBody {
  readonly model: string;
  readonly members: Readonly<Record<string, unknown>>;
  readonly file: Buffer | null;
}

/** @throws RequestError for a body without a model, or that is none. */
export async function readOperation(req: IncomingMessage, bytes: Buffer): Promise<OperationBody> {
  const type = req.headers['content-type'] ?? '';
  const { members, file } = type.startsWith('multipart/form-data')
    ? await readForm(type, bytes)
    : { members: readJson(bytes), file: null };
  const { model } = members;
  if (typeof model !== 'string' || model === '') throw new RequestError('You must provide a model.', 'model');
  return { model, members, file };
}

function readJson(bytes: Buffer): Readonly<Record<string, unknown>> {
  try {
    const body: unknown = JSON.parse(bytes.toString('utf8'));
    if (typeof body === 'object' && body !== null) return Object.fromEntries(Object.entries(body));
  } catch {
    // Told below.
  }
  throw new RequestError('We could not parse the JSON body of your request.', null);
}

async function readForm(type: string, bytes: Buffer): Promise<Omit<OperationBody, 'model'>> {
  const members: Record<string, unknown> = {};
  let file: Buffer | null = null;
  try {
    const form = await new Response(new Uint8Array(bytes), { headers: { 'content-type': type } }).formData();
    for (const [name, value] of form) {
      if (typeof value === 'string') members[name] = value;
      else file ??= Buffer.from(await value.arrayBuffer());
    }
  } catch {
    throw new RequestError('We could not parse the form of your request.', null);
  }
  return { members, file };
}
