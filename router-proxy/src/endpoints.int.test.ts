import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newUuid } from '@weir/kernel/ids';
import { startTestProxy, type TestProxy } from './test-proxy.ts';
import { answerWith, startTestUpstream, streamOf, type TestUpstream } from './test-upstream.ts';

let upstream: TestUpstream;
let proxy: TestProxy;

/** What the clients ask for, and what the provider is asked for. */
const ASKED = 'asked';
const MODEL = 'all-classes';

beforeAll(async () => {
  upstream = await startTestUpstream();
  proxy = await startTestProxy({ upstreamUrl: upstream.url });
  await proxy.addModel(MODEL);
  await proxy.addModel('blocked');
  await proxy.addModel('room-for-one');
  await proxy.addModel('per-request', { max_output_tokens: 0 });
  await proxy.change(
    `update identity.accounts set model_mapper = '[{"pattern":"${ASKED}","target":"${MODEL}"}]' where id = $1`,
    [proxy.tenant.teamId],
  );
  const price = { organization_id: proxy.tenant.organizationId, valid_from: '2021-01-01T00:00:00Z' };
  await proxy.insert('billing.prices', {
    ...price,
    id: newUuid(),
    model: MODEL,
    ...{ input: '1000000000', cached_input: '500000000', cache_write: '1250000000', output: '2000000000' },
    ...{ reasoning: '3000000000', per_request: '7', per_image: '1000000', per_audio_second: '1000' },
  });
  await proxy.insert('billing.prices', {
    ...price,
    id: newUuid(),
    model: 'per-request',
    per_request: '7',
  });
  await proxy.addBudget({
    name: 'Cap',
    limit_amount: '1000000000',
    models: JSON.stringify(['blocked']),
  });
  await proxy.addBudget({ name: 'One', limit_amount: '10000000', models: JSON.stringify(['room-for-one']) });
  await proxy.addBudget({ name: 'Seven', limit_amount: '7', models: JSON.stringify(['per-request']) });
});

afterAll(async () => {
  await proxy.stop();
  await upstream.stop();
});

const tokens = { input_tokens: 10, output_tokens: 6, total_tokens: 16 };
const chatTokens = { prompt_tokens: 10, completion_tokens: 6, total_tokens: 16 };
const responseUsage = {
  ...tokens,
  input_tokens_details: { cached_tokens: 3, cache_write_tokens: 2 },
  output_tokens_details: { reasoning_tokens: 4 },
};
const RESPONSE_CLASSES = {
  input_tokens: '5',
  cached_input_tokens: '3',
  cache_write_tokens: '2',
  output_tokens: '2',
  reasoning_tokens: '4',
  // 5 × 1,000 + 3 × 500 + 2 × 1,250 + 2 × 2,000 + 4 × 3,000 + 7
  cost: '25007',
};

interface Case {
  readonly name: string;
  readonly path: string;
  readonly canonical?: string;
  readonly body: object;
  readonly answer: string;
  readonly type?: string;
  readonly ledger: object;
}

const json = JSON.stringify;
const sse = (...events: readonly object[]): string =>
  events.map((event) => `event: x\ndata: ${json(event)}\n\n`).join('');

const CASES: readonly Case[] = [
  {
    name: 'completions',
    path: '/v1/completions',
    body: { prompt: 'Hello' },
    answer: json({ object: 'text_completion', choices: [{ text: 'x' }], usage: chatTokens }),
    ledger: { input_tokens: '10', output_tokens: '6', cost: '22007' },
  },
  {
    name: 'chat on another path',
    path: '/v2/chat/completions',
    canonical: '/v1/chat/completions',
    body: { messages: [{ role: 'user', content: 'x' }] },
    answer: json({ choices: [], usage: { ...chatTokens, prompt_tokens_details: { cache_write_tokens: 4 } } }),
    ledger: { input_tokens: '6', cache_write_tokens: '4' },
  },
  {
    name: 'responses',
    path: '/v1/responses',
    body: { input: 'Hello' },
    answer: json({ object: 'response', output: [], usage: responseUsage }),
    ledger: RESPONSE_CLASSES,
  },
  ...(['completed', 'incomplete', 'failed'] as const).map((status) => ({
    name: `a stream of responses that is ${status}`,
    path: '/responses',
    canonical: '/v1/responses',
    body: { input: [{ role: 'user', content: 'Hello' }], stream: true },
    answer: sse(
      { type: 'response.created', response: { status: 'in_progress', usage: null } },
      { type: 'response.output_text.delta', delta: '"usage":{"input_tokens":1}' },
      { type: `response.${status}`, response: { status, usage: responseUsage } },
    ),
    type: 'text/event-stream',
    ledger: { ...RESPONSE_CLASSES, stream: true },
  })),
  {
    name: 'embeddings, also larger ones than are kept',
    path: '/embeddings',
    canonical: '/v1/embeddings',
    body: { input: ['a', 'b'] },
    answer: json({
      data: Array.from({ length: 200 }, () => ({
        embedding: Array.from({ length: 100 }, (_, at) => at / 7),
      })),
      usage: { prompt_tokens: 10, total_tokens: 10 },
    }),
    ledger: { input_tokens: '10', output_tokens: '0', cost: '10007' },
  },
  {
    name: 'moderations, which are free but for the request',
    path: '/v1/moderations',
    body: { input: 'a' },
    answer: json({ id: 'modr-1', results: [{ flagged: false }] }),
    ledger: { input_tokens: '0', cost: '7' },
  },
  {
    name: 'images, larger than are kept',
    path: '/v1/images/generations',
    body: { prompt: 'a heron', n: 2 },
    answer: json({ data: [{ b64_json: 'A'.repeat(90_000) }, { b64_json: 'B'.repeat(9) }], usage: tokens }),
    ledger: { input_tokens: '10', output_tokens: '6', images: '2', cost: '2022007' },
  },
  {
    name: 'a stream of images with sketches before them',
    path: '/images/generations',
    canonical: '/v1/images/generations',
    body: { prompt: 'a heron', n: 2, stream: true, partial_images: 1 },
    answer: sse(
      { type: 'image_generation.partial_image', b64_json: 'A'.repeat(1_000), partial_image_index: 0 },
      { type: 'image_generation.completed', b64_json: 'B'.repeat(1_000), usage: tokens },
      { type: 'image_generation.completed', b64_json: 'C'.repeat(1_000), usage: tokens },
    ),
    type: 'text/event-stream',
    ledger: { input_tokens: '20', output_tokens: '12', images: '2', stream: true },
  },
  {
    name: 'speech in events',
    path: '/v1/audio/speech',
    body: { input: 'Hello', voice: 'alloy', stream_format: 'sse' },
    answer: sse({ type: 'speech.audio.delta', audio: 'AAAA' }, { type: 'speech.audio.done', usage: tokens }),
    type: 'text/event-stream',
    ledger: { input_tokens: '10', output_tokens: '6', stream: true },
  },
  {
    name: 'an edit of referenced images',
    path: '/v1/images/edits',
    body: { prompt: 'a heron', images: [{ image_url: 'https://x' }] },
    answer: json({ data: [{ url: 'https://y' }], usage: tokens }),
    ledger: { images: '1' },
  },
];

describe('every endpoint of JSON', () => {
  it.each(CASES)('passes $name on byte by byte, and meters every class', async (given) => {
    const type = given.type ?? 'application/json';
    upstream.respond(answerWith(given.answer, 200, { 'content-type': type }));
    const sent = ` { "model" : "${ASKED}" , ${json(given.body).slice(1)}`;
    const response = await proxy.post(given.path, sent);
    expect([response.status, response.headers.get('content-type')]).toEqual([200, type]);
    expect(await response.text()).toBe(given.answer);
    const canonical = given.canonical ?? given.path;
    expect(upstream.received[0]).toMatchObject({ path: canonical, body: sent.replace(ASKED, MODEL) });
    const [close] = await proxy.closes(response);
    expect(close).toMatchObject({
      endpoint: canonical,
      status: 'SUCCESS',
      metering_source: 'PROVIDER',
      model_effective: MODEL,
      ...given.ledger,
    });
  });

  it('asks a stream of completions for its usage, and drops it for whoever did not ask', async () => {
    const event = (value: object): string => `data: ${json(value)}\n\n`;
    const text = event({ choices: [{ text: 'Hi' }] });
    upstream.respond(streamOf([text, event({ choices: [], usage: chatTokens }), 'data: [DONE]\n\n']));
    const response = await proxy.post('/completions', { model: MODEL, prompt: 'x', stream: true });
    expect(await response.text()).toBe(`${text}data: [DONE]\n\n`);
    expect(JSON.parse(upstream.received[0]?.body ?? '')).toMatchObject({
      stream_options: { include_usage: true },
    });
    expect((await proxy.closes(response))[0]).toMatchObject({
      output_tokens: '6',
      metering_source: 'PROVIDER',
    });
  });
});

describe('an answer without usage is estimated and marked so', () => {
  it.each([
    [
      '/v1/completions',
      { prompt: 'Hello there' },
      json({ choices: [{ text: 'How are you?' }] }),
      { input_tokens: '2', output_tokens: '4' },
    ],
    [
      '/v1/responses',
      { input: 'Hello there' },
      json({ output: [{ content: [{ text: 'How are you?' }] }] }),
      { output_tokens: '4' },
    ],
    ['/v1/embeddings', { input: [[1, 2, 3]] }, json({ data: [] }), { input_tokens: '3', output_tokens: '0' }],
    [
      '/v1/images/generations',
      { prompt: 'Hello there' },
      json({ data: [{}, {}] }),
      { input_tokens: '2', images: '2' },
    ],
  ])('%s', async (path, body, answer, ledger) => {
    upstream.respond(answerWith(answer));
    const [close] = await proxy.closes(await proxy.post(path, { model: MODEL, ...body }));
    expect(close).toMatchObject({ metering_source: 'ESTIMATED', status: 'SUCCESS', ...ledger });
  });

  it('speech by its characters and the length of its audio', async () => {
    const audio = Buffer.alloc(72_000);
    upstream.respond((_, res) => void res.writeHead(200, { 'content-type': 'audio/pcm' }).end(audio));
    const body = { model: MODEL, input: 'Grüße', voice: 'alloy', response_format: 'pcm' };
    const response = await proxy.post('/audio/speech', body);
    expect(Buffer.from(await response.arrayBuffer()).equals(audio)).toBe(true);
    expect((await proxy.closes(response))[0]).toMatchObject({
      metering_source: 'ESTIMATED',
      input_tokens: '5',
      audio_ms: '1500',
      cost: '6507',
    });
  });
});

describe('bad input', () => {
  it.each([
    ['/v1/completions', {}, 'prompt'],
    ['/v1/completions', { prompt: 'x', max_tokens: -1 }, 'max_tokens'],
    ['/v1/completions', { prompt: 'x', best_of: 'y' }, 'best_of'],
    ['/v1/responses', { input: 7 }, 'input'],
    ['/v1/responses', { input: ['x'] }, 'input[0]'],
    ['/v1/responses', { input: 'x', max_output_tokens: 0 }, 'max_output_tokens'],
    ['/v1/responses', { input: 'x', background: true }, 'background'],
    ['/v1/embeddings', {}, 'input'],
    ['/v1/embeddings', { input: [{}] }, 'input[0]'],
    ['/v1/moderations', { input: [] }, 'input'],
    ['/v1/images/generations', {}, 'prompt'],
    ['/v1/images/generations', { prompt: 'x', n: 0 }, 'n'],
    ['/v1/images/generations', { prompt: 'x', svg: { model: 'dearer' } }, 'svg'],
    ['/v1/audio/speech', { voice: 'alloy' }, 'input'],
    ['/v1/embeddings', { model: null, input: 'x' }, 'model'],
  ])('on %s with %j gets 400 and the member at fault', async (path, body, param) => {
    const response = await proxy.post(path, { model: MODEL, ...body });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ code: 'INVALID_REQUEST', error: { param } });
  });

  it('in the wrong method, the wrong type and on unknown paths has its own answers', async () => {
    const get = await fetch(`${proxy.url}/v1/embeddings`, { headers: { 'x-api-key': proxy.apiKey } });
    expect([get.status, get.headers.get('allow')]).toEqual([405, 'POST']);
    expect((await proxy.post('/v1/audio/transcriptions', { model: MODEL })).status).toBe(415);
    const unknown = await proxy.post('/v1/threads', {});
    expect([unknown.status, unknown.headers.get('content-type')]).toEqual([404, 'application/problem+json']);
  });
});

describe('under a blocking budget', () => {
  it.each([
    ['/v1/responses', { input: 'x', previous_response_id: 'resp_1' }, 'previous_response_id'],
    ['/v1/responses', { input: 'x', conversation: 'conv_1' }, 'conversation'],
    ['/v1/responses', { input: 'x', prompt: { id: 'p' } }, 'prompt'],
    ['/v1/responses', { input: 'x', tools: [{ type: 'web_search' }] }, 'tools'],
    ['/v1/responses', { input: [{ type: 'item_reference', id: 'i' }] }, 'input'],
    [
      '/v1/responses',
      { input: [{ role: 'user', content: [{ type: 'input_image', image_url: 'u' }] }] },
      'input',
    ],
    [
      '/v1/responses',
      { input: [{ type: 'function_call_output', output: [{ type: 'input_file' }] }] },
      'input',
    ],
    ['/v1/responses', { input: 'x', service_tier: 'priority' }, 'service_tier'],
    ['/v1/images/edits', { prompt: 'x', images: [{ file_id: 'f' }] }, 'image'],
    ['/v1/images/generations', { prompt: 'x', frame_count: 9 }, 'frame_count'],
    ['/v1/embeddings', { input: [{ type: 'image_url', image_url: 'u' }] }, 'input'],
  ])('%s with %j is refused by name', async (path, body, param) => {
    const response = await proxy.post(path, { model: 'blocked', ...body });
    expect(response.status).toBe(400);
    const problem = (await response.json()) as { detail: string; error: { param: string } };
    expect(problem.error.param).toBe(param);
    expect(problem.detail).toContain('"Cap"');
  });

  it('a response is given the cap that its hold is for, and nothing else is changed', async () => {
    upstream.respond(answerWith(json({ output: [], usage: tokens })));
    const response = await proxy.post('/v1/responses', { model: 'blocked', input: 'x' });
    expect(JSON.parse(upstream.received[0]?.body ?? '')).toEqual({
      model: 'blocked',
      input: 'x',
      max_output_tokens: 4_096,
    });
    expect(response.status).toBe(200);
  });

  it('what has no cap of its own is held for all that the model may put out, and is not changed', async () => {
    // Room for one image of 4,096 tokens and not for two.
    upstream.respond(answerWith(json({ data: [{}], usage: tokens })));
    const bodyOf = (n: number): string => json({ model: 'room-for-one', prompt: 'x', n });
    const two = await proxy.post('/v1/images/generations', bodyOf(2));
    expect([two.status, (await two.json()) as object]).toMatchObject([402, { code: 'BUDGET_EXCEEDED' }]);
    const one = await proxy.post('/v1/images/generations', bodyOf(1));
    expect([one.status, upstream.received[0]?.body]).toEqual([200, bodyOf(1)]);
  });

  it('speech is served where only the request has a price, which is all that is held', async () => {
    upstream.respond((_, res) => void res.writeHead(200, { 'content-type': 'audio/mpeg' }).end('x'));
    const body = { model: 'per-request', input: 'x', voice: 'v' };
    const spoken = await proxy.post('/v1/audio/speech', body);
    expect(spoken.status).toBe(200);
    expect((await proxy.closes(spoken))[0]).toMatchObject({ cost: '7' });
    expect((await proxy.post('/v1/audio/speech', body)).status).toBe(402);
  });
});
