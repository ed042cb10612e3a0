import { AppError } from '@weir/kernel/errors';
import type { JsonObject } from './json-object.ts';

const MODEL_LENGTH_MAX = 256;

/** @throws AppError INVALID_REQUEST */
export function readModel(body: JsonObject): string {
  const model = body.value['model'];
  if (model === undefined || model === null) {
    throw new AppError('INVALID_REQUEST', '"model" is missing: name one that GET /v1/models lists.', {
      param: 'model',
    });
  }
  if (typeof model !== 'string' || model === '' || model.length > MODEL_LENGTH_MAX) {
    throw new AppError(
      'INVALID_REQUEST',
      `"model" must be a text of at most ${MODEL_LENGTH_MAX} characters.`,
      { param: 'model' },
    );
  }
  return model;
}

/** False where it is absent or null. @throws AppError INVALID_REQUEST */
export function readFlag(body: JsonObject, name: string): boolean {
  const value = body.value[name];
  if (value === undefined || value === null) return false;
  if (typeof value !== 'boolean') {
    throw new AppError('INVALID_REQUEST', `"${name}" must be true or false.`, { param: name });
  }
  return value;
}
