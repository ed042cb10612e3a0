import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { assertRegistered, hashOf, loadRegisteredOperations } from './registered-operations.ts';

const folder = mkdtempSync(join(tmpdir(), 'weir-operations-'));
afterAll(() => rmSync(folder, { recursive: true }));

function fileWith(content: unknown): string {
  const file = join(folder, 'operations.json');
  writeFileSync(file, JSON.stringify(content));
  return file;
}

describe('registered operations', () => {
  it('are those whose hash is listed', () => {
    const registered = loadRegisteredOperations(fileWith({ [hashOf('{ viewer }')]: '{ viewer }' }));
    expect(() => assertRegistered(registered, hashOf('{ viewer }'))).not.toThrow();
    expect(() => assertRegistered(registered, hashOf('{ viewer  }'))).toThrow(
      expect.objectContaining({ code: 'FORBIDDEN' }),
    );
  });

  it('are all when nothing is registered by configuration', () => {
    expect(() => assertRegistered(undefined, hashOf('{ anything }'))).not.toThrow();
  });

  it('must have the hash of their text', () => {
    expect(() => loadRegisteredOperations(fileWith({ [hashOf('{ a }')]: '{ b }' }))).toThrow(
      /is not the SHA-256/,
    );
    expect(() => loadRegisteredOperations(fileWith(['{ a }']))).toThrow(/must be a JSON object/);
  });
});
