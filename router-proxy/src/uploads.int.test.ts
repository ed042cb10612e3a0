import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newUuid } from '@weir/kernel/ids';
import { formOf, TEST_BOUNDARY, type TestPart } from './body/test-form.ts';
import { startTestProxy, type TestProxy } from './test-proxy.ts';
import { answerWith, startTestUpstream, type TestUpstream } from './test-upstream.ts';

let upstream: TestUpstream;
let proxy: TestProxy;

/** The default: more than the sockets on the way hold by themselves. */
const LIMIT_BYTES = 26_214_400;
const TYPE = `multipart/form-data; boundary=${TEST_BOUNDARY}`;
const TRANSCRIPTIONS = '/v1/audio/transcriptions';
const EDITS = '/v1/images/edits';

const model = (value = 'asked'): TestPart => ({ name: 'model', value });
const audio = (bytes = 200_000): TestPart => ({
  name: 'file',
  filename: 'a.mp3',
  value: Buffer.alloc(bytes, 7),
});
const image = (bytes = 200_000): TestPart => ({ ...audio(bytes), name: 'image' });
const prompt: TestPart = { name: 'prompt', value: 'Grüße' };
const seconds = JSON.stringify({ text: 'Hello', usage: { type: 'duration', seconds: 3 } });

beforeAll(async () => {
  upstream = await startTestUpstream();
  proxy = await startTestProxy({
    upstreamUrl: upstream.url,
    environment: { PROXY_UPLOAD_MEMORY_BYTES_MAX: '1048576' },
  });
  await proxy.addModel('mapped-to');
  // A key sleeps for the model that it failed with, so these have their own.
  await proxy.addModel('failing-once');
  await proxy.addModel('failing');
  await proxy.addModel('blocked');
  await proxy.addModel('per-request', { max_output_tokens: 0 });
  await proxy.addModel('per-image', { max_output_tokens: 0 });
  await proxy.change(
    `update identity.accounts set model_mapper = '[{"pattern":"asked","target":"mapped-to"}]' where id = $1`,
    [proxy.tenant.teamId],
  );
  const price = { organization_id: proxy.tenant.organizationId, valid_from: '2021-01-01T00:00:00Z' };
  for (const [name, classes] of [
    ['mapped-to', { output: '2000000000', per_image: '1000000', per_audio_second: '1000' }],
    ['per-request', { per_request: '7' }],
    ['per-image', { per_image: '1000000' }],
  ] as const) {
    await proxy.insert('billing.prices', { ...price, id: newUuid(), model: name, ...classes });
  }
});

afterAll(async () => {
  await proxy.stop();
  await upstream.stop();
});

interface Sent {
  readonly path?: string;
  readonly apiKey?: string;
  readonly signal?: AbortSignal;
}

function send(
  body: Buffer | ReadableStream,
  { path = TRANSCRIPTIONS, apiKey, signal }: Sent = {},
): Promise<Response> {
  return fetch(proxy.url + path, {
    method: 'POST',
    headers: { 'content-type': TYPE, 'x-api-key': apiKey ?? proxy.apiKey },
    body: Buffer.isBuffer(body) ? new Uint8Array(body) : body,
    ...(Buffer.isBuffer(body) ? {} : { duplex: 'half' }),
    ...(signal ? { signal } : {}),
  });
}

/** A body without a length, of which the test decides what comes when. */
function pushed() {
  let controller: ReadableStreamDefaultController | undefined;
  const body = new ReadableStream({ start: (started) => void (controller = started) });
  return {
    body,
    push: (bytes: Buffer) => controller?.enqueue(new Uint8Array(bytes)),
    end: () => controller?.close(),
  };
}

describe('a form', () => {
  it.each([
    ['in front of its file', [model(), prompt, audio()]],
    ['behind its file', [audio(), prompt, model()]],
  ])('with its model %s reaches the provider byte by byte but for the mapped model', async (_, parts) => {
    upstream.respond(answerWith(seconds));
    const response = await send(formOf(parts));
    expect(await response.text()).toBe(seconds);
    const wanted = formOf(parts.map((part) => (part.name === 'model' ? model('mapped-to') : part)));
    const [received] = upstream.received;
    expect(received?.bytes.equals(wanted)).toBe(true);
    expect(received).toMatchObject({
      path: TRANSCRIPTIONS,
      headers: { 'content-type': TYPE, 'content-length': String(wanted.length) },
    });
    const [close] = await proxy.closes(response);
    expect(close).toMatchObject({
      endpoint: TRANSCRIPTIONS,
      model_effective: 'mapped-to',
      metering_source: 'PROVIDER',
      audio_ms: '3000',
      cost: '3000',
    });
  });

  it('goes to another provider key whole when the first one fails', async () => {
    await proxy.addProviderKey();
    let asked = 0;
    upstream.respond((request, res) => answerWith(seconds, ++asked === 1 ? 500 : 200)(request, res));
    const response = await send(formOf([model('failing-once'), audio()]), {
      path: '/audio/translations',
    });
    expect(response.status).toBe(200);
    const [first, second] = upstream.received;
    expect(second?.path).toBe('/v1/audio/translations');
    expect(second?.bytes.equals(first?.bytes ?? Buffer.alloc(0))).toBe(true);
    expect(await proxy.closes(response, 2)).toHaveLength(2);
  });

  it('is sent on while it arrives, without a length where it has none', async () => {
    upstream.respond(answerWith(seconds));
    const form = formOf([model('mapped-to'), audio(3_000_000)]);
    const { body, push, end } = pushed();
    push(form.subarray(0, 1_000_000));
    const pending = send(body);
    await expect.poll(() => upstream.arrivedBytes).toBe(1_000_000);
    push(form.subarray(1_000_000));
    end();
    expect((await pending).status).toBe(200);
    expect(upstream.received[0]?.bytes.equals(form)).toBe(true);
    expect(upstream.received[0]?.headers['transfer-encoding']).toBe('chunked');
  });

  it('is held back while the provider does not read, and loses nothing', async () => {
    upstream.respond(answerWith(seconds));
    const release = upstream.hold();
    const form = formOf([model('mapped-to'), audio(LIMIT_BYTES - 1_000)]);
    let taken = 0;
    const body = new ReadableStream({
      pull(controller) {
        const next = form.subarray(taken, taken + 65_536);
        taken += next.length;
        if (next.length === 0) controller.close();
        else controller.enqueue(new Uint8Array(next));
      },
    });
    const pending = send(body);
    try {
      let before = -1;
      await expect
        .poll(() => {
          const isHeldBack = taken > 0 && taken === before;
          before = taken;
          return isHeldBack;
        })
        .toBe(true);
      expect(taken).toBeLessThan(form.length);
    } finally {
      release();
    }
    expect((await pending).status).toBe(200);
    expect(upstream.received[0]?.bytes.equals(form)).toBe(true);
  });

  it('too large to be kept is not sent to a second provider key', async () => {
    upstream.respond(answerWith('{}', 500));
    const response = await send(formOf([model('failing'), audio(4_000_000)]));
    expect([response.status, upstream.received.length]).toEqual([502, 1]);
  });

  it('whose model is behind more than may be kept is refused with a hint', async () => {
    const response = await send(formOf([audio(4_000_000), model()]));
    expect(response.status).toBe(503);
    expect(await response.json()).toMatchObject({ code: 'DEPENDENCY_UNAVAILABLE' });
  });

  it('over the limit gets 413, with and without a Content-Length', async () => {
    const form = formOf([model(), audio(LIMIT_BYTES)]);
    const { body, push, end } = pushed();
    push(form);
    end();
    for (const response of [await send(form), await send(body)]) {
      expect(response.status).toBe(413);
      expect(await response.json()).toMatchObject({ code: 'PAYLOAD_TOO_LARGE', limitBytes: LIMIT_BYTES });
    }
  });

  it('with a second model behind its file is refused and not charged', async () => {
    upstream.respond(answerWith(seconds));
    const response = await send(formOf([model(), audio(500_000), model('dearer')]));
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ error: { param: 'model' } });
    expect(upstream.received).toHaveLength(0);
    expect((await proxy.closes(response))[0]).toMatchObject({ cost: '0', metering_source: 'NONE' });
  });

  it.each([
    ['no model', [audio()], 'model'],
    ['no file', [model()], 'file'],
    ['a flag that is none', [model(), { name: 'stream', value: 'perhaps' }, audio()], 'stream'],
  ])('with %s gets 400 and the field at fault', async (_, parts, param) => {
    const response = await send(formOf(parts));
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ code: 'INVALID_REQUEST', error: { param } });
  });

  it('of a client without a key is answered without being read', async () => {
    const response = await send(formOf([model(), audio(2_000_000)]), { apiKey: 'sk-none' });
    expect([response.status, response.headers.get('content-type')]).toEqual([
      401,
      'application/problem+json',
    ]);
  });

  it('that breaks off is not charged, and no fault of the provider key', async () => {
    upstream.respond(answerWith(seconds));
    const abort = new AbortController();
    const { body, push } = pushed();
    push(formOf([model(), audio()]).subarray(0, 100_000));
    const pending = send(body, { signal: abort.signal });
    await expect.poll(() => upstream.arrivedBytes).toBeGreaterThan(0);
    abort.abort();
    await expect(pending).rejects.toThrow();
    await expect
      .poll(async () => {
        const { rows } = await proxy.db.query<Readonly<Record<string, unknown>>>(
          `select status, cost, metering_source from ledger.attempt_log where class = 'close' order by seq desc limit 1`,
        );
        return rows[0];
      })
      .toEqual({ status: 'ABORTED', cost: '0', metering_source: 'NONE' });
    for (let count = 0; count < 2; count++) {
      expect((await send(formOf([model(), audio()]))).status).toBe(200);
    }
  });
});

describe('transcripts in every format', () => {
  const srt = '1\n00:00:00,000 --> 00:00:01,500\nHello\n\n2\n00:00:01,500 --> 00:01:02,250\nthere\n';
  const vtt = 'WEBVTT\n\n00:00.000 --> 00:04.000\nHello there\n';
  const tokens = { type: 'tokens', input_tokens: 14, output_tokens: 45, total_tokens: 59 };
  it.each([
    [
      'json',
      'application/json',
      JSON.stringify({ text: 'x', usage: tokens }),
      'PROVIDER',
      { input_tokens: '14', output_tokens: '45' },
    ],
    [
      'verbose_json',
      'application/json',
      JSON.stringify({ duration: '8.47', text: 'x' }),
      'PROVIDER',
      { audio_ms: '8470' },
    ],
    ['text', 'text/plain', 'Hello there\n', 'ESTIMATED', { audio_ms: '12500', output_tokens: '3' }],
    ['srt', 'text/plain', srt, 'ESTIMATED', { audio_ms: '62250' }],
    ['vtt', 'text/plain', vtt, 'ESTIMATED', { audio_ms: '4000' }],
    [
      'a stream',
      'text/event-stream',
      `data: {"type":"transcript.text.delta","delta":"x"}\n\ndata: ${JSON.stringify({ type: 'transcript.text.done', text: 'x', usage: tokens })}\n\n`,
      'PROVIDER',
      { input_tokens: '14', output_tokens: '45' },
    ],
  ])('%s', async (_, type, body, source, ledger) => {
    upstream.respond(answerWith(body, 200, { 'content-type': type }));
    const response = await send(formOf([audio(), model()]));
    expect(await response.text()).toBe(body);
    expect((await proxy.closes(response))[0]).toMatchObject({ metering_source: source, ...ledger });
  });
});

describe('images from images', () => {
  it.each([EDITS, '/v1/images/variations', '/images/edits'])('%s', async (path) => {
    const answer = JSON.stringify({
      data: [{ b64_json: 'A' }, { b64_json: 'B' }],
      usage: { input_tokens: 5, output_tokens: 4 },
    });
    upstream.respond(answerWith(answer));
    const response = await send(formOf([image(), prompt, model(), { name: 'n', value: '2' }]), { path });
    expect(await response.text()).toBe(answer);
    expect((await proxy.closes(response))[0]).toMatchObject({ images: '2', cost: '2008000' });
  });
});

describe('under a blocking budget', () => {
  beforeAll(async () => {
    await proxy.addBudget({
      name: 'Cap',
      limit_amount: '1000000000',
      models: JSON.stringify(['blocked', 'per-request']),
    });
    await proxy.addBudget({ name: 'Two', limit_amount: '2000000', models: JSON.stringify(['per-image']) });
  });

  it('audio is refused, because no size bounds its length', async () => {
    const response = await send(formOf([model('blocked'), audio()]));
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ error: { param: 'file' } });
  });

  it('audio is served by a model with a price per request alone', async () => {
    upstream.respond(answerWith(seconds));
    const response = await send(formOf([model('per-request'), audio()]));
    const [close] = await proxy.closes(response);
    expect([response.status, close?.['cost']]).toEqual([200, '7']);
  });

  it('images are held as many as a field behind the files asks for', async () => {
    upstream.respond(answerWith(JSON.stringify({ data: [{}, {}] })));
    const ask = (n: string) =>
      send(formOf([model('per-image'), image(), prompt, { name: 'n', value: n }]), { path: EDITS });
    // Three would cost more than the two million that the budget has.
    expect((await ask('3')).status).toBe(402);
    const response = await ask('2');
    expect((await proxy.closes(response))[0]).toMatchObject({ cost: '2000000' });
  });

  it('a field that nobody here knows is refused by name', async () => {
    const form = formOf([model('per-image'), image(), prompt, { name: 'frame_count', value: '9' }]);
    const response = await send(form, { path: EDITS });
    expect(await response.json()).toMatchObject({ error: { param: 'frame_count' } });
  });
});
