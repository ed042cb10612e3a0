import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { AppError } from '@weir/kernel/errors';

/** The operations that may run when only registered ones may: SHA-256 (hex) of the text, and the text. */
export type RegisteredOperations = ReadonlyMap<string, string>;

const fileSchema = z.record(z.string().regex(/^[0-9a-f]{64}$/), z.string());

export function hashOf(query: string): string {
  return createHash('sha256').update(query).digest('hex');
}

/** @throws Error naming the file and what is wrong with it. */
export function loadRegisteredOperations(file: string): RegisteredOperations {
  const parsed = fileSchema.safeParse(JSON.parse(readFileSync(file, 'utf8')));
  if (!parsed.success)
    throw new Error(`${file} must be a JSON object of SHA-256 hashes (hex) to operation texts`);
  for (const [hash, query] of Object.entries(parsed.data)) {
    if (hashOf(query) !== hash) throw new Error(`${file}: ${hash} is not the SHA-256 of its operation`);
  }
  return new Map(Object.entries(parsed.data));
}

/** @throws AppError FORBIDDEN for an operation that is not registered. */
export function assertRegistered(registered: RegisteredOperations | undefined, hash: string): void {
  if (registered === undefined || registered.has(hash)) return;
  throw new AppError('FORBIDDEN', 'Only registered operations run here, and this one is not registered.', {
    details: { operationHash: hash },
  });
}

/** Answers persisted-query hashes from the registered texts and learns nothing from clients. */
export function registeredOperationsCache(registered: RegisteredOperations) {
  return {
    // Apollo prefixes the keys of its persisted queries.
    get: (key: string) => Promise.resolve(registered.get(key.replace(/^apq:/, ''))),
    set: () => Promise.resolve(),
    delete: () => Promise.resolve(false),
  };
}
