import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { testRedisUrl } from '@weir/testkit/redis';
import { MODEL, startTestProxy, type TestProxy } from './test-proxy.ts';
import { answerWith, completion, startTestUpstream, type TestUpstream } from './test-upstream.ts';

const PATH = '/v1/chat/completions';
const messages = [{ role: 'user', content: 'Hello' }];
const body = { model: MODEL, messages };

const redisUrl = testRedisUrl();
const stores = [
  { name: 'in process', redisUrl: undefined },
  ...(redisUrl === undefined ? [] : [{ name: 'in Redis', redisUrl }]),
];

describe.each(stores)('with counters $name', (store) => {
  let upstream: TestUpstream;
  let proxy: TestProxy;

  beforeAll(async () => {
    upstream = await startTestUpstream();
    proxy = await startTestProxy({ upstreamUrl: upstream.url, redisUrl: store.redisUrl });
  });

  afterAll(async () => {
    await proxy.stop();
    await upstream.stop();
  });

  it('a window admits its limit, says how much is left, and then when to come back', async () => {
    upstream.respond(answerWith(completion()));
    const apiKey = await proxy.addApiKey({ limits: { requestsPerMinute: 2, tokensPerDay: 100_000 } });
    const first = await proxy.post(PATH, body, { apiKey });
    expect(first.status).toBe(200);
    expect(first.headers.get('x-ratelimit-limit')).toBe('2');
    expect(first.headers.get('x-ratelimit-remaining')).toBe('1');
    expect(first.headers.get('x-ratelimit-limit-tokens')).toBe('100000');
    await proxy.post(PATH, body, { apiKey });
    const denied = await proxy.post(PATH, body, { apiKey });
    expect(denied.status).toBe(429);
    expect(await denied.json()).toMatchObject({
      code: 'RATE_LIMITED',
      limitContext: { scope: 'apiKey', metric: 'requests', window: 'minute', limit: 2, remaining: 0 },
    });
    expect(Number(denied.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
    expect(denied.headers.get('x-ratelimit-remaining')).toBe('0');
    expect(upstream.received).toHaveLength(2);
  });

  it('a request beyond the concurrency is refused, and served when one has ended', async () => {
    let finish: () => void = () => undefined;
    upstream.respond(async (_, res) => {
      await new Promise<void>((resolve) => (finish = resolve));
      res.writeHead(200, { 'content-type': 'application/json' }).end(completion());
    });
    const apiKey = await proxy.addApiKey({ limits: { concurrency: 1 } });
    const running = proxy.post(PATH, body, { apiKey });
    await expect.poll(() => upstream.received.length).toBe(1);
    const denied = await proxy.post(PATH, body, { apiKey });
    expect(denied.status).toBe(429);
    expect(await denied.json()).toMatchObject({ code: 'CONCURRENCY_LIMITED' });
    finish();
    expect((await running).status).toBe(200);
    upstream.respond(answerWith(completion()));
    await expect.poll(async () => (await proxy.post(PATH, body, { apiKey })).status).toBe(200);
  });

  it('a blocking budget caps the output to what it has room for, and tells the client', async () => {
    upstream.respond(answerWith(completion()));
    await proxy.addModel('capped');
    // The input bound costs about 0.25 mUSD at 1 USD per million; 0.3 mUSD leave room for some 30 output tokens.
    await proxy.addBudget({ name: 'Small', limit_amount: '300000', models: JSON.stringify(['capped']) });
    const response = await proxy.post(PATH, { model: 'capped', messages });
    expect(response.status).toBe(200);
    const cap = Number(response.headers.get('x-weir-output-cap'));
    expect(cap).toBeGreaterThan(16);
    expect(cap).toBeLessThan(100);
    const sent = upstream.received[0]?.body ?? '';
    expect(JSON.parse(sent)).toMatchObject({ max_completion_tokens: cap });
    // Even if every byte were a token of input and the output used its cap, the budget would hold.
    expect(sent.length * 1_000 + cap * 2_000).toBeLessThanOrEqual(300_000);
  });

  it('a used up budget answers 402 with all that is to know, and serves again once it is raised', async () => {
    upstream.respond(answerWith(completion()));
    await proxy.addModel('spent');
    const id = await proxy.addBudget({
      name: 'Spent',
      limit_amount: '1000',
      models: JSON.stringify(['spent']),
    });
    const denied = await proxy.post(PATH, { model: 'spent', messages });
    expect(denied.status).toBe(402);
    expect(await denied.json()).toMatchObject({
      code: 'BUDGET_EXCEEDED',
      budget: { name: 'Spent', metric: 'COST', limit: '0.000001', spent: '0', period: 'MONTHLY' },
    });
    expect(upstream.received).toHaveLength(0);
    await proxy.db.query('update billing.budgets set limit_amount = $1 where id = $2', ['1000000000', id]);
    await expect.poll(async () => (await proxy.post(PATH, { model: 'spent', messages })).status).toBe(200);
  });

  it('what cannot be bounded is refused under a blocking budget, and served without one', async () => {
    upstream.respond(answerWith(completion()));
    const image = [
      { role: 'user', content: [{ type: 'image_url', image_url: { url: 'https://example.com/a.png' } }] },
    ];
    expect((await proxy.post(PATH, { model: MODEL, messages: image })).status).toBe(200);
    await proxy.addModel('bounded');
    await proxy.addBudget({ name: 'Hard', limit_amount: '1000000000', models: JSON.stringify(['bounded']) });
    const denied = await proxy.post(PATH, { model: 'bounded', messages: image });
    expect(denied.status).toBe(400);
    expect(await denied.json()).toMatchObject({ code: 'INVALID_REQUEST', error: { param: 'messages' } });
  });

  it('parallel requests never spend more than a blocking budget', async () => {
    upstream.respond(answerWith(completion()));
    await proxy.addModel('contended');
    // One answer costs 33,000 nano-USD and may cost some 170,000 plus its output, so only few fit at a time.
    await proxy.addBudget({
      name: 'Contended',
      limit_amount: '1000000',
      models: JSON.stringify(['contended']),
    });
    const responses = await Promise.all(
      Array.from({ length: 60 }, () => proxy.post(PATH, { model: 'contended', messages, max_tokens: 16 })),
    );
    const served = responses.filter(({ status }) => status === 200);
    expect(new Set(responses.map(({ status }) => status))).toEqual(new Set([200, 402]));
    const closes = await Promise.all(served.map(async (response) => (await proxy.closes(response))[0]));
    const spent = closes.reduce((sum, close) => sum + BigInt(String(close?.['cost'])), 0n);
    expect(spent).toBeLessThanOrEqual(1_000_000n);
    expect(spent).toBe(33_000n * BigInt(served.length));
  });
});
