import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cutAt, formOf, TEST_BOUNDARY, type TestPart } from './test-form.ts';
import { createUploadMemory, type UploadMemory } from './upload-memory.ts';
import { createUpload, type Upload } from './upload.ts';

const MODEL: TestPart = { name: 'model', value: 'mine' };
const file = (bytes: number): TestPart => ({ name: 'file', filename: 'a', value: Buffer.alloc(bytes, 'x') });

interface Given {
  readonly chunks: readonly Buffer[];
  readonly memory?: UploadMemory;
  readonly bytesMax?: number;
  readonly announcedBytes?: number | null;
}

function uploadOf({ chunks, memory, bytesMax = 1_000_000, announcedBytes = null }: Given) {
  let taken = 0;
  const upload = createUpload({
    source: {
      next: () => Promise.resolve(chunks[taken++] ?? null),
      discard: () => undefined,
    },
    announcedBytes,
    contentType: `multipart/form-data; boundary=${TEST_BOUNDARY}`,
    boundary: TEST_BOUNDARY,
    bytesMax,
    textBytesMax: 1_000,
    memory: memory ?? createUploadMemory(1_000_000),
  });
  return { upload, taken: () => taken };
}

const untilModel = (upload: Upload) =>
  upload.readUntil((form) => form.isInFile && form.field('model') !== undefined);

function bodyAs(upload: Upload, model: string) {
  const field = upload.form.field('model');
  return upload.body(field ? [{ start: field.start, end: field.end, text: model }] : []);
}

async function bytesOf(body: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const part of body) parts.push(part);
  return Buffer.concat(parts);
}

const parts = fc.shuffledSubarray([MODEL, file(300), { name: 'prompt', value: 'Hé' }], { minLength: 3 });
const cuts = fc.array(fc.nat({ max: 800 }), { maxLength: 30 });

describe('an upload', () => {
  it('reaches the provider byte for byte but for its model, wherever that stands and however the bytes are cut', async () => {
    await fc.assert(
      fc.asyncProperty(
        parts,
        cuts,
        fc.constantFrom('mine', 'a-longer-name', 'x'),
        async (form, places, model) => {
          const bytes = formOf(form);
          const { upload } = uploadOf({ chunks: cutAt(bytes, places), announcedBytes: bytes.length });
          await untilModel(upload);
          const wanted = formOf(form.map((part) => (part === MODEL ? { ...MODEL, value: model } : part)));
          const body = bodyAs(upload, model);
          expect(await bytesOf(body)).toEqual(wanted);
          expect(body).toMatchObject({ length: wanted.length, isSent: true, failure: null });
          // Another provider key gets the same.
          expect(await bytesOf(bodyAs(upload, model))).toEqual(wanted);
        },
      ),
    );
  });

  it('is sent on before it has arrived, once its model is known', async () => {
    const bytes = formOf([MODEL, file(100_000)]);
    const chunks = cutAt(
      bytes,
      Array.from({ length: 100 }, (_, at) => at * 1_000),
    );
    const { upload, taken } = uploadOf({ chunks });
    await untilModel(upload);
    expect(taken()).toBe(1);
    const sent = upload.body([])[Symbol.asyncIterator]();
    for (let count = 1; count <= 10; count++) {
      await sent.next();
      expect(taken()).toBe(count);
    }
  });

  it('gives back all memory, however it ends', async () => {
    for (const isSent of [true, false]) {
      const memory = createUploadMemory(1_000_000);
      const { upload } = uploadOf({ chunks: cutAt(formOf([file(5_000), MODEL]), [1_000, 2_000]), memory });
      await untilModel(upload);
      expect(memory.taken).toBeGreaterThan(5_000);
      if (isSent) await bytesOf(bodyAs(upload, 'other'));
      upload.release();
      expect(memory.taken).toBe(0);
    }
  });

  it('goes on without being kept when the memory is used up, and can then not be sent again', async () => {
    const bytes = formOf([MODEL, file(50_000)]);
    const chunks = cutAt(
      bytes,
      Array.from({ length: 50 }, (_, at) => at * 1_000),
    );
    const memory = createUploadMemory(5_000);
    const { upload } = uploadOf({ chunks, memory });
    await untilModel(upload);
    expect(upload.canRepeat).toBe(true);
    expect(await bytesOf(bodyAs(upload, 'mine'))).toEqual(bytes);
    expect(upload.canRepeat).toBe(false);
    expect(memory.taken).toBe(0);
  });

  it('is kept no more once a provider answers', async () => {
    const memory = createUploadMemory(1_000_000);
    const { upload } = uploadOf({
      chunks: cutAt(formOf([MODEL, file(5_000)]), [1_000, 2_000, 3_000]),
      memory,
    });
    await untilModel(upload);
    const sent = bodyAs(upload, 'mine')[Symbol.asyncIterator]();
    await sent.next();
    await sent.next();
    upload.answered();
    await sent.next();
    await sent.next();
    expect(memory.taken).toBeLessThan(2_000);
  });

  it('is refused with a hint when its model is behind a file for which there is no memory', async () => {
    const { upload } = uploadOf({
      chunks: cutAt(formOf([file(5_000), MODEL]), [1_000, 2_000]),
      memory: createUploadMemory(1_500),
    });
    await expect(untilModel(upload)).rejects.toMatchObject({
      code: 'DEPENDENCY_UNAVAILABLE',
      detail: expect.stringContaining('"model"') as string,
    });
  });

  it('is refused beyond its limit, whether it says its length or not', async () => {
    const bytes = formOf([MODEL, file(5_000)]);
    const limit = { chunks: cutAt(bytes, [1_000, 2_000]), bytesMax: bytes.length - 1 };
    expect(() => uploadOf({ ...limit, announcedBytes: bytes.length })).toThrow(
      expect.objectContaining({ code: 'PAYLOAD_TOO_LARGE' }),
    );
    for (const announcedBytes of [null, 10]) {
      const { upload } = uploadOf({ ...limit, announcedBytes });
      await untilModel(upload);
      const body = bodyAs(upload, 'mine');
      await expect(bytesOf(body)).rejects.toMatchObject({ code: 'PAYLOAD_TOO_LARGE' });
      expect(body).toMatchObject({ isSent: false, failure: { code: 'PAYLOAD_TOO_LARGE' } });
    }
  });

  it('never reaches the provider whole when it names a second model behind its file', async () => {
    const { upload } = uploadOf({
      chunks: cutAt(formOf([MODEL, file(500), { name: 'model', value: 'dearer' }]), [300]),
    });
    await untilModel(upload);
    await expect(bytesOf(bodyAs(upload, 'mine'))).rejects.toMatchObject({
      code: 'INVALID_REQUEST',
      param: 'model',
    });
  });
});
