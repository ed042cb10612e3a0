import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newVirtualKey } from '@weir/kernel/virtual-key';
import { MODEL, startTestProxy, type TestProxy } from './test-proxy.ts';
import { answerWith, startTestUpstream, streamOf, type TestUpstream } from './test-upstream.ts';

const PATH = '/v1/messages';
const body = { model: MODEL, max_tokens: 100, messages: [{ role: 'user', content: 'Hello' }] };

const message = JSON.stringify({
  type: 'message',
  content: [{ type: 'text', text: 'Hi' }],
  usage: { input_tokens: 9, output_tokens: 4 },
});

const event = (type: string, value: object = {}): string =>
  `event: ${type}\ndata: ${JSON.stringify({ type, ...value })}\n\n`;
const START = event('message_start', { message: { usage: { input_tokens: 50, output_tokens: 1 } } });
const text = (value: string) => event('content_block_delta', { delta: { type: 'text_delta', text: value } });
const OVERLOADED = { type: 'error', error: { type: 'overloaded_error', message: 'Overloaded: acct-1' } };

let upstream: TestUpstream;
let second: TestUpstream;
let proxy: TestProxy;

/** A proxy with two keys of the kind Anthropic, the second on the Level that takes over. */
async function start(): Promise<TestProxy> {
  const started = await startTestProxy({ upstreamUrl: upstream.url });
  await started.change(`update identity.provider_keys set provider = 'anthropic'`);
  await started.addProviderKey({ provider: 'anthropic', level: 2, base_url: second.url });
  await started.change(
    `update identity.accounts set gear = 1, switch_over = '[{"from":1,"to":2}]' where id = $1`,
    [started.tenant.teamId],
  );
  for (const model of ['capped', 'thinking', 'bounded', 'overloaded', 'unpaid', 'breaking']) {
    await started.addModel(model);
  }
  const budgetOn = (model: string, limit: string) =>
    started.addBudget({ name: model, limit_amount: limit, models: JSON.stringify([model]) });
  // 2,000 nano-USD per output token and 1,000 per input token, of which there are some 1,200 at most.
  await budgetOn('capped', '1400000');
  await budgetOn('thinking', '1400000');
  await budgetOn('bounded', '1000000000');
  return started;
}

beforeAll(async () => {
  upstream = await startTestUpstream();
  second = await startTestUpstream();
  proxy = await start();
});

afterAll(async () => {
  await proxy.stop();
  await upstream.stop();
  await second.stop();
});

describe('the request', () => {
  it('reaches the provider as it came, with its key and the client’s version and betas alone', async () => {
    upstream.respond(answerWith(message));
    const raw = JSON.stringify(body, null, 2);
    await proxy.post(PATH, raw, {
      headers: { 'anthropic-version': '2024-01-01', 'anthropic-beta': 'a,b', 'anthropic-canary': 'no' },
    });
    const [received] = upstream.received;
    expect(received?.body).toBe(raw);
    expect(received?.path).toBe(PATH);
    expect(received?.headers).toMatchObject({ 'anthropic-version': '2024-01-01', 'anthropic-beta': 'a,b' });
    expect(received?.headers['anthropic-canary']).toBeUndefined();
    expect(received?.headers['authorization']).toBeUndefined();
    expect(received?.headers['x-api-key']).not.toBe(proxy.apiKey);
  });

  it('has its cap lowered to what a budget has left, and the client told', async () => {
    const model = 'capped';
    upstream.respond(answerWith(message));
    const response = await proxy.post(PATH, { ...body, model, max_tokens: 4_000 });
    const cap = Number(response.headers.get('x-weir-output-cap'));
    expect(cap).toBeGreaterThan(16);
    expect(JSON.parse(upstream.received[0]?.body ?? '')).toEqual({ ...body, model, max_tokens: cap });
  });

  it('is refused rather than capped below the thinking that it asks for', async () => {
    const model = 'thinking';
    upstream.respond(answerWith(message));
    const thinking = { type: 'enabled', budget_tokens: 2_000 };
    const response = await proxy.post(PATH, { ...body, model, max_tokens: 4_000, thinking });
    expect(response.status).toBe(402);
    expect(upstream.received).toEqual([]);
  });
});

describe('what the proxy refuses is told as Anthropic’s clients read it', () => {
  const big = JSON.stringify({ ...body, system: 'x'.repeat(65_536) });

  it.each([
    ['no key', '', body, 401, 'authentication_error', 'MISSING_API_KEY'],
    ['an unknown key', newVirtualKey(), body, 401, 'authentication_error', 'INVALID_API_KEY'],
    ['broken JSON', null, '{', 400, 'invalid_request_error', 'INVALID_REQUEST'],
    ['no max_tokens', null, { ...body, max_tokens: null }, 400, 'invalid_request_error', 'INVALID_REQUEST'],
    ['an unknown model', null, { ...body, model: 'x' }, 404, 'not_found_error', 'MODEL_NOT_FOUND'],
    ['too large a body', null, big, 413, 'request_too_large', 'PAYLOAD_TOO_LARGE'],
  ] as const)('%s', async (_, apiKey, request, status, type, code) => {
    const response = await proxy.post(PATH, request, apiKey === null ? {} : { apiKey });
    const requestId = response.headers.get('request-id');
    expect([response.status, await response.json()]).toMatchObject([
      status,
      { type: 'error', error: { type, details: { error_code: code } }, request_id: requestId, code, status },
    ]);
    expect(requestId).toMatch(/^req_/);
    expect(response.headers.get('x-request-id')).toBe(requestId);
  });

  it('a wrong method, and what is not there below the path', async () => {
    const get = await fetch(proxy.url + PATH);
    expect([get.status, await get.json()]).toMatchObject([405, { error: { type: 'invalid_request_error' } }]);
    const batches = await proxy.post(`${PATH}/batches`, {});
    expect([batches.status, await batches.json()]).toMatchObject([
      404,
      { error: { type: 'not_found_error' } },
    ]);
  });

  it('a limit, with the headers that they plan by', async () => {
    upstream.respond(answerWith(message));
    const apiKey = await proxy.addApiKey({ limits: { requestsPerMinute: 1, tokensPerMinute: 1_000 } });
    const served = await proxy.post(PATH, body, { apiKey });
    expect(served.headers.get('anthropic-ratelimit-requests-limit')).toBe('1');
    expect(served.headers.get('anthropic-ratelimit-requests-remaining')).toBe('0');
    expect(served.headers.get('anthropic-ratelimit-tokens-limit')).toBe('1000');
    expect(served.headers.get('anthropic-ratelimit-requests-reset')).toMatch(/^\d{4}-[\dT:-]+Z$/);
    expect(served.headers.get('x-ratelimit-limit-requests')).toBeNull();
    const denied = await proxy.post(PATH, body, { apiKey });
    expect([denied.status, await denied.json()]).toMatchObject([
      429,
      { error: { type: 'rate_limit_error' } },
    ]);
    expect(Number(denied.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
  });

  it('what cannot be bounded under a blocking budget, by name', async () => {
    const tools = [{ type: 'web_search_20250305', name: 'web_search' }];
    const response = await proxy.post(PATH, { ...body, model: 'bounded', tools });
    expect([response.status, await response.json()]).toMatchObject([
      400,
      { error: { type: 'invalid_request_error', message: expect.stringContaining('web_search') as string } },
    ]);
  });

  it('the end of a running stream', async () => {
    const apiKey = await proxy.addApiKey();
    upstream.respond((_, res) => {
      res.writeHead(200, { 'content-type': 'text/event-stream' }).write(START);
    });
    const response = await proxy.post(PATH, { ...body, stream: true }, { apiKey });
    await proxy.changeUnheard(
      `update identity.api_keys set status = 'REVOKED', revoked_at = now() where key_hash = $1`,
      [createHash('sha256').update(apiKey).digest()],
    );
    const events = await response.text();
    expect(events.startsWith(`${START}event: error\ndata: `)).toBe(true);
    expect(JSON.parse(events.slice(events.lastIndexOf('data: ') + 6))).toMatchObject({
      type: 'error',
      error: { type: 'authentication_error', code: 'API_KEY_REVOKED' },
    });
    const [close] = await proxy.closes(response);
    expect(close).toMatchObject({ status: 'ABORTED', metering_source: 'ESTIMATED', input_tokens: '50' });
  });
});

describe('what the provider refuses', () => {
  it('passes byte for byte where it is the client’s mistake', async () => {
    const refusal = '{ "type":"error", "error":{"type":"invalid_request_error","message":"é too long"}}';
    for (const status of [400, 404, 413, 422]) {
      upstream.respond(answerWith(refusal, status));
      const response = await proxy.post(PATH, body);
      expect([response.status, await response.text()]).toEqual([status, refusal]);
      const [close] = await proxy.closes(response);
      expect(close).toMatchObject({ status: 'ERROR', metering_source: 'NONE', cost: '0' });
    }
  });

  it.each([
    ['it is overloaded', 'overloaded', 529, JSON.stringify(OVERLOADED), 'ERROR', 'PROVIDER_BROKEN'],
    [
      'its account has no credit',
      'unpaid',
      400,
      '{"type":"error","error":{"type":"invalid_request_error","message":"Your credit balance is too low to …"}}',
      'THROTTLED',
      'PROVIDER_QUOTA',
    ],
  ])('is asked of another key when %s', async (_, model, status, refusal, outcome, errorCode) => {
    upstream.respond(answerWith(refusal, status));
    second.respond(answerWith(message));
    const response = await proxy.post(PATH, { ...body, model });
    expect([response.status, await response.text()]).toEqual([200, message]);
    const rows = await proxy.closes(response, 2);
    expect(rows.map((row) => [row['status'], row['error_code']])).toEqual([
      [outcome, errorCode],
      ['SUCCESS', null],
    ]);
  });
});

describe('an answer that the provider breaks off by an event', () => {
  it('passes, and the ledger says what was seen of it and why it ended', async () => {
    const model = 'breaking';
    const stream = [START, text('twelve bytes'), event('error', { error: OVERLOADED.error })];
    upstream.respond(streamOf(stream));
    const response = await proxy.post(PATH, { ...body, model, stream: true });
    expect(await response.text()).toBe(stream.join(''));
    const [close] = await proxy.closes(response);
    expect(close).toMatchObject({
      status: 'INCOMPLETE',
      error_code: 'PROVIDER_OVERLOADED_ERROR',
      metering_source: 'ESTIMATED',
      input_tokens: '50',
      output_tokens: '3',
    });
    second.respond(answerWith(message));
    const next = await proxy.post(PATH, { ...body, model });
    expect(next.headers.get('x-routing-decision')).toBe('FAILOVER');
  });

  it('or by ending it before its last event', async () => {
    upstream.respond(streamOf([START, text('half')]));
    const response = await proxy.post(PATH, { ...body, stream: true });
    await response.text();
    const [close] = await proxy.closes(response);
    expect(close).toMatchObject({ status: 'INCOMPLETE', error_code: 'PROVIDER_INCOMPLETE_STREAM' });
  });
});
