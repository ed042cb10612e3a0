import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MODEL, PROVIDER_SECRET, startTestProxy, type TestProxy } from './test-proxy.ts';
import {
  answerWith,
  completion,
  startTestUpstream,
  streamEvents,
  streamOf,
  type TestUpstream,
} from './test-upstream.ts';

let upstream: TestUpstream;
let proxy: TestProxy;

beforeAll(async () => {
  upstream = await startTestUpstream();
  proxy = await startTestProxy({ upstreamUrl: upstream.url });
});

afterAll(async () => {
  await proxy.stop();
  await upstream.stop();
});

const PATH = '/v1/chat/completions';
const messages = [{ role: 'user', content: 'Hello' }];
const usage = { prompt_tokens: 9, completion_tokens: 12, total_tokens: 21 };

describe('an answer that is not streamed', () => {
  it('reaches the client byte by byte, and its usage and cost the ledger', async () => {
    upstream.respond(answerWith(completion()));
    const response = await proxy.post(PATH, { model: MODEL, messages });
    expect(response.status).toBe(200);
    expect(await response.text()).toBe(completion());
    const [close] = await proxy.closes(response);
    expect(close).toMatchObject({
      kind: 'settled',
      model_effective: MODEL,
      decision: 'PRIMARY',
      endpoint: PATH,
      input_tokens: '9',
      output_tokens: '12',
      cost: '33000',
    });
    expect(close).toMatchObject({ metering_source: 'PROVIDER', status: 'SUCCESS', upstream_status: 200 });
  });

  it('tells the request id, the routing decision and its own time, and no secret in either direction', async () => {
    upstream.respond(answerWith(completion(), 200, { 'set-cookie': 'a=b', 'openai-organization': 'theirs' }));
    const response = await proxy.post(PATH, { model: MODEL, messages }, { headers: { cookie: 'session=1' } });
    expect(response.headers.get('x-request-id')).toMatch(/^req_/);
    expect(response.headers.get('x-routing-decision')).toBe('PRIMARY');
    expect(response.headers.get('server-timing')).toMatch(/^gateway;dur=[\d.]+, provider;dur=[\d.]+$/);
    expect([...response.headers.keys()]).not.toContain('set-cookie');
    expect([...response.headers.keys()]).not.toContain('openai-organization');
    const [sent] = upstream.received;
    expect(sent?.headers.authorization).toBe(`Bearer ${PROVIDER_SECRET}`);
    expect(JSON.stringify(sent)).not.toContain(proxy.apiKey);
    expect(sent?.headers.cookie).toBeUndefined();
  });

  it('is estimated and marked so when the provider reports no usage', async () => {
    upstream.respond(answerWith(completion(null)));
    const [close] = await proxy.closes(await proxy.post(PATH, { model: MODEL, messages }));
    expect(close).toMatchObject({ metering_source: 'ESTIMATED', status: 'SUCCESS' });
    expect(Number(close?.['input_tokens'])).toBeGreaterThan(0);
    expect(Number(close?.['output_tokens'])).toBeGreaterThan(0);
  });

  it("passes the provider's refusal of the request on, and charges nothing for it", async () => {
    const refusal = JSON.stringify({ error: { message: 'too long', code: 'context_length_exceeded' } });
    upstream.respond(answerWith(refusal, 400));
    const response = await proxy.post(PATH, { model: MODEL, messages });
    expect(response.status).toBe(400);
    expect(await response.text()).toBe(refusal);
    const [close] = await proxy.closes(response);
    expect(close).toMatchObject({
      status: 'ERROR',
      metering_source: 'NONE',
      cost: '0',
      upstream_status: 400,
    });
    expect(upstream.received).toHaveLength(1);
  });
});

describe('a streamed answer', () => {
  const pieces = ['Hé', 'llo 中文', ' \u{1F30A}', '!'];

  it('equals the provider byte for byte when the client asked for the usage, however it is cut', async () => {
    const bytes = Buffer.from(streamEvents(pieces, usage).join(''));
    for (const step of [1, 7, 64]) {
      const chunks = Array.from({ length: Math.ceil(bytes.length / step) }, (_, at) =>
        bytes.subarray(at * step, (at + 1) * step),
      );
      upstream.respond(streamOf(chunks));
      const response = await proxy.post(PATH, {
        model: MODEL,
        messages,
        stream: true,
        stream_options: { include_usage: true },
      });
      expect(response.headers.get('content-type')).toBe('text/event-stream');
      expect(Buffer.from(await response.arrayBuffer()).equals(bytes)).toBe(true);
    }
  });

  it('hides the usage that the client did not ask for, and meters it', async () => {
    upstream.respond(streamOf(streamEvents(pieces, usage)));
    const response = await proxy.post(PATH, { model: MODEL, messages, stream: true });
    expect(await response.text()).toBe(streamEvents(pieces, null).join(''));
    const [close] = await proxy.closes(response);
    expect(close).toMatchObject({ metering_source: 'PROVIDER', cost: '33000', stream: true });
    expect(JSON.parse(upstream.received[0]?.body ?? '')).toMatchObject({
      stream_options: { include_usage: true },
    });
  });

  it('ends with an error event and no [DONE] when the provider breaks off', async () => {
    upstream.respond((_, res) => {
      res.writeHead(200, { 'content-type': 'text/event-stream' });
      res.write(streamEvents(['Hello', ' wor'], null).slice(0, 2).join('') + 'data: {"choices":[{"del');
      setImmediate(() => res.destroy());
    });
    const response = await proxy.post(PATH, { model: MODEL, messages, stream: true });
    const text = await response.text();
    const [error = '', ...rest] = text
      .split('\n\n')
      .toReversed()
      .filter((event) => event !== '');
    expect(error).toMatch(/^event: error\ndata: \{/);
    expect(JSON.parse(error.split('data: ')[1] ?? '')).toMatchObject({ code: 'UPSTREAM_ERROR' });
    expect(rest).toHaveLength(2);
    expect(text).not.toContain('[DONE]');
    const [close] = await proxy.closes(response);
    expect(close).toMatchObject({
      status: 'INCOMPLETE',
      metering_source: 'ESTIMATED',
      error_code: 'UPSTREAM_ERROR',
    });
  });

  it('reaches the client event by event, not at the end', async () => {
    let finish: () => void = () => undefined;
    upstream.respond(async (_, res) => {
      res.writeHead(200, { 'content-type': 'text/event-stream' });
      res.write(streamEvents(['first'], null)[0] ?? '');
      await new Promise<void>((resolve) => (finish = resolve));
      res.end('data: [DONE]\n\n');
    });
    const response = await proxy.post(PATH, { model: MODEL, messages, stream: true });
    const reader = response.body?.getReader();
    const first = await reader?.read();
    expect(Buffer.from(first?.value ?? []).toString()).toContain('first');
    finish();
    expect(Buffer.from((await reader?.read())?.value ?? []).toString()).toContain('[DONE]');
  });
});

describe('/v1/inference', () => {
  it('answers a prompt, and a repetition of its request id with the first request', async () => {
    upstream.respond(answerWith(completion()));
    const body = { model: MODEL, prompt: 'Hello', request_id: 'order-1' };
    const first = await proxy.post('/v1/inference', body);
    expect(first.status).toBe(200);
    expect(JSON.parse(upstream.received[0]?.body ?? '')).toEqual({ model: MODEL, messages });
    const again = await proxy.post('/v1/inference', body);
    expect(again.status).toBe(409);
    expect(await again.json()).toMatchObject({
      code: 'DUPLICATE_REQUEST',
      firstRequestId: first.headers.get('x-request-id'),
    });
    expect(upstream.received).toHaveLength(1);
  });

  it('refuses a repetition while the first request runs', async () => {
    let finish: () => void = () => undefined;
    upstream.respond(async (_, res) => {
      await new Promise<void>((resolve) => (finish = resolve));
      res.writeHead(200, { 'content-type': 'application/json' }).end(completion());
    });
    const init = { headers: { 'idempotency-key': 'k' } };
    const first = proxy.post(PATH, { model: MODEL, messages }, init);
    await expect.poll(() => upstream.received.length).toBe(1);
    const again = await proxy.post(PATH, { model: MODEL, messages }, init);
    expect(await again.json()).toMatchObject({ code: 'REQUEST_IN_PROGRESS' });
    finish();
    expect((await first).status).toBe(200);
  });
});
