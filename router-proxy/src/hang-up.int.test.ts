import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { formOf, TEST_BOUNDARY } from './body/test-form.ts';
import { MODEL, startTestProxy, type TestProxy } from './test-proxy.ts';
import { startTestUpstream, type TestUpstream } from './test-upstream.ts';

let upstream: TestUpstream;
let proxy: TestProxy;
let draining: string;

beforeAll(async () => {
  upstream = await startTestUpstream();
  proxy = await startTestProxy({ upstreamUrl: upstream.url });
  draining = await proxy.addApiKey({ disconnect_policy: 'DRAIN' });
});

afterAll(async () => {
  await proxy.stop();
  await upstream.stop();
});

const tokens = { input_tokens: 10, output_tokens: 6, total_tokens: 16 };
const event = (value: object): string => `data: ${JSON.stringify(value)}\n\n`;

interface StreamKind {
  readonly path: string;
  readonly body: object | Buffer;
  /** What comes before the client leaves, and what comes after. */
  readonly first: string;
  readonly rest: string;
  /** What is counted of an answer that is cut off there. */
  readonly seen: object;
}

const KINDS: readonly StreamKind[] = [
  {
    path: '/v1/completions',
    body: { model: MODEL, prompt: 'Hello there', stream: true },
    first: event({ choices: [{ text: 'How are' }] }) + event({ choices: [{ text: ' you?' }] }),
    rest: event({ choices: [], usage: { prompt_tokens: 10, completion_tokens: 6 } }),
    seen: { input_tokens: '2', output_tokens: '4' },
  },
  {
    path: '/v1/responses',
    body: { model: MODEL, input: 'Hello there', stream: true },
    first:
      event({ type: 'response.output_text.delta', delta: 'How are' }) +
      event({ type: 'response.output_text.delta', delta: ' you?' }),
    rest: event({ type: 'response.completed', response: { usage: tokens } }),
    seen: { output_tokens: '4' },
  },
  {
    path: '/v1/images/generations',
    body: { model: MODEL, prompt: 'Hello there', n: 2, stream: true },
    first: event({ type: 'image_generation.completed', b64_json: 'AAAA' }),
    rest: event({ type: 'image_generation.completed', b64_json: 'AAAA', usage: tokens }),
    seen: { input_tokens: '2', images: '1' },
  },
  {
    path: '/v1/audio/speech',
    body: { model: MODEL, input: 'Hello', voice: 'alloy', stream_format: 'sse' },
    first: event({ type: 'speech.audio.delta', audio: 'AAAA' }),
    rest: event({ type: 'speech.audio.done', usage: tokens }),
    seen: { input_tokens: '5' },
  },
  {
    path: '/v1/audio/transcriptions',
    body: formOf([
      { name: 'model', value: MODEL },
      { name: 'stream', value: 'true' },
      { name: 'file', filename: 'a.mp3', value: Buffer.alloc(32_000) },
    ]),
    first: event({ type: 'transcript.text.delta', delta: 'How are you?' }),
    rest: event({ type: 'transcript.text.done', text: 'How are you?', usage: tokens }),
    seen: { output_tokens: '4', audio_ms: '2000' },
  },
];

/** Asks, reads the first bytes and hangs up; the provider goes on when the returned function is called. */
async function hangUp({ path, body, first, rest }: StreamKind, apiKey: string) {
  const { promise, resolve } = Promise.withResolvers<void>();
  upstream.respond(async (_, res) => {
    res.writeHead(200, { 'content-type': 'text/event-stream' });
    res.write(first);
    await promise;
    res.end(rest);
  });
  const abort = new AbortController();
  const type = Buffer.isBuffer(body) ? `multipart/form-data; boundary=${TEST_BOUNDARY}` : 'application/json';
  const response = await fetch(proxy.url + path, {
    method: 'POST',
    headers: { 'content-type': type, 'x-api-key': apiKey },
    body: Buffer.isBuffer(body) ? new Uint8Array(body) : JSON.stringify(body),
    signal: abort.signal,
  });
  const reader = response.body?.getReader();
  for (let seen = 0; seen < first.length;) seen += lengthOf(await reader?.read());
  abort.abort();
  return { response, goOn: resolve };
}

function lengthOf(part: { readonly value?: unknown } | undefined): number {
  if (!(part?.value instanceof Uint8Array)) throw new Error('the stream ended early');
  return part.value.length;
}

describe.each(KINDS)('a client that leaves a stream of $path', (kind) => {
  it('under ABORT ends it and pays what was seen, as an estimate', async () => {
    const { response, goOn } = await hangUp(kind, proxy.apiKey);
    const [close] = await proxy.closes(response);
    expect(close).toMatchObject({
      status: 'ABORTED',
      metering_source: 'ESTIMATED',
      disconnected: true,
      ...kind.seen,
    });
    goOn();
  });

  it('under DRAIN pays what the provider reports', async () => {
    const { response, goOn } = await hangUp(kind, draining);
    // What the proxy was told before these questions it has noticed when they are answered.
    for (let count = 0; count < 3; count++) {
      await (await fetch(`${proxy.url}/v1/models`, { headers: { 'x-api-key': proxy.apiKey } })).text();
    }
    goOn();
    const [close] = await proxy.closes(response);
    expect(close).toMatchObject({
      metering_source: 'DRAINED',
      disconnected: true,
      input_tokens: '10',
      output_tokens: '6',
    });
  });
});
