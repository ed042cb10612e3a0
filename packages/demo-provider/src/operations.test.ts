import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DEMO_PROVIDER_API_KEY, startDemoProvider, type DemoProvider } from './demo-provider.ts';
import { OPERATIONS } from './operations.ts';

let provider: DemoProvider;

beforeAll(async () => {
  provider = await startDemoProvider();
});
afterAll(() => provider.stop());

function post(path: string, body: object | FormData): Promise<Response> {
  const isForm = body instanceof FormData;
  return fetch(provider.url + path, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${DEMO_PROVIDER_API_KEY}`,
      ...(isForm ? {} : { 'content-type': 'application/json' }),
    },
    body: isForm ? body : JSON.stringify(body),
  });
}

function form(fields: Readonly<Record<string, string>>): FormData {
  const made = new FormData();
  made.append('file', new Blob([Buffer.alloc(40_000)]), 'a.mp3');
  for (const [name, value] of Object.entries(fields)) made.append(name, value);
  return made;
}

const TEXTS = { prompt: 'Hello', input: 'Hello' };

describe('every endpoint', () => {
  it.each(Object.keys(OPERATIONS))(
    '%s answers the same request with the same bytes, and keeps its book',
    async (path) => {
      const isForm = /edits|variations|transcriptions|translations/.test(path);
      const ask = () =>
        post(path, isForm ? form({ model: 'demo-small', ...TEXTS }) : { model: 'demo-small', ...TEXTS });
      const [first, second] = [await (await ask()).text(), await (await ask()).text()];
      expect(first).toBe(second);
      expect(first.length).toBeGreaterThan(0);
      expect(provider.served().records.at(-1)).toMatchObject({ outcome: 'answered', status: 200 });
    },
  );

  it.each(Object.keys(OPERATIONS))('%s refuses as its model wants it', async (path) => {
    const response = await post(path, { model: 'demo-fault-429-3', ...TEXTS });
    expect([response.status, response.headers.get('retry-after')]).toEqual([429, '3']);
    expect((await post(path, { ...TEXTS })).status).toBe(400);
    expect((await post(path, { model: 'gpt-9', ...TEXTS })).status).toBe(404);
  });
});

describe('what is billed', () => {
  it.each([
    ['/v1/images/generations', { n: 2 }, { images: 2, completion: 544 }],
    ['/v1/audio/speech', {}, { prompt: 5, audioMs: 300 }],
    ['/v1/embeddings', { input: ['12345678', '1234'] }, { prompt: 3, completion: 0 }],
    ['/v1/moderations', {}, { prompt: 0 }],
  ])('on %s', async (path, body, billed) => {
    await post(path, { model: 'demo-small', ...TEXTS, ...body });
    expect(provider.served().records.at(-1)?.billed).toMatchObject(billed);
  });

  it('on transcripts the seconds of the recording, also where the format cannot say so', async () => {
    for (const format of ['json', 'verbose_json', 'text', 'srt', 'vtt']) {
      const response = await post(
        '/v1/audio/transcriptions',
        form({ model: 'demo-transcribe', response_format: format }),
      );
      expect(await response.text()).toContain('3 seconds');
      expect(provider.served().records.at(-1)?.billed).toMatchObject({ audioMs: 3_000 });
    }
  });
});
