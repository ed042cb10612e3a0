import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MODEL, startTestProxy, type TestProxy } from './test-proxy.ts';
import { testStores } from './test-stores.ts';
import { answerWith, completion, startTestUpstream, type TestUpstream } from './test-upstream.ts';

const PATH = '/v1/chat/completions';
const messages = [{ role: 'user', content: 'Hello' }];
const body = { model: MODEL, messages };

describe.each(testStores)('with counters $name', (store) => {
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
});
