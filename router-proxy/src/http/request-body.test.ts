import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AppError } from '@weir/kernel/errors';
import { readBody } from './request-body.ts';

const BYTES_MAX = 64;

/** A request of those chunks; after the last one it ends, or breaks off. */
function request(chunks: readonly Uint8Array[], headers: Record<string, string>, isWhole = true) {
  async function* arrive() {
    for (const chunk of chunks) yield await Promise.resolve(Buffer.from(chunk));
    if (!isWhole) throw new Error('aborted');
  }
  return Object.assign(Readable.from(arrive(), { objectMode: false }), {
    headers,
  }) as unknown as IncomingMessage;
}

/** What is handed over until the stream is over, however often. */
async function taken(req: IncomingMessage): Promise<readonly { body: string; problem: AppError | null }[]> {
  const found: { body: string; problem: AppError | null }[] = [];
  const { promise, resolve } = Promise.withResolvers<void>();
  req.on('close', resolve);
  readBody(req, BYTES_MAX, (body, problem) => found.push({ body: body.toString('latin1'), problem }));
  req.resume();
  await promise;
  return found;
}

const anyChunks = fc.array(fc.uint8Array({ minLength: 1, maxLength: 40 }), { maxLength: 4 });

describe('a body is handed over once', () => {
  it.each(['announced', 'chunked'])('as it came, or refused for its size: %s', async (kind) => {
    await fc.assert(
      fc.asyncProperty(anyChunks, async (chunks) => {
        const whole = Buffer.concat(chunks);
        const headers: Record<string, string> =
          kind === 'announced'
            ? { 'content-length': String(whole.length) }
            : { 'transfer-encoding': 'chunked' };
        const [first, ...others] = await taken(request(chunks, headers));
        expect(others).toEqual([]);
        if (whole.length > BYTES_MAX) expect(first?.problem?.code).toBe('PAYLOAD_TOO_LARGE');
        else expect(first).toEqual({ body: whole.toString('latin1'), problem: null });
      }),
    );
  });

  it('as nothing where none is announced', async () => {
    expect(await taken(request([], {}))).toEqual([{ body: '', problem: null }]);
  });

  it('as the problem that it broke off', async () => {
    for (const headers of [{ 'content-length': '10' }, { 'transfer-encoding': 'chunked' }]) {
      const found = await taken(request([Buffer.from('half')], headers, false));
      expect(found).toMatchObject([{ problem: { code: 'INVALID_REQUEST' } }]);
    }
  });
});
