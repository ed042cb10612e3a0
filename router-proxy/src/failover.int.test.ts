import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { MODEL, startTestProxy, type TestProxy } from './test-proxy.ts';
import {
  answerWith,
  completion,
  startTestUpstream,
  type Responder,
  type TestUpstream,
} from './test-upstream.ts';

const PATH = '/v1/chat/completions';
const body = { model: MODEL, messages: [{ role: 'user', content: 'Hello' }] };

let first: TestUpstream;
let second: TestUpstream;
let proxy: TestProxy;

beforeAll(async () => {
  first = await startTestUpstream();
  second = await startTestUpstream();
});

afterAll(async () => {
  await first.stop();
  await second.stop();
});

/** A proxy of its own for each test, because keys that failed stay asleep. */
beforeEach(async () => {
  proxy = await startTestProxy({
    upstreamUrl: first.url,
    environment: { PROXY_FIRST_BYTE_TIMEOUT: '300ms', PROXY_CONNECT_TIMEOUT: '300ms' },
  });
  await proxy.change(
    `update identity.accounts set gear = 1, switch_over = '[{"from":1,"to":2}]' where id = $1`,
    [proxy.tenant.teamId],
  );
  await proxy.addProviderKey({ level: 2, base_url: second.url });
  second.respond(answerWith(completion()));
});

afterEach(async () => {
  await proxy.stop();
});

const stall: Responder = () => undefined;
const reset: Responder = (_, res) => void res.destroy();
/** Announces an answer that does not come. */
const empty: Responder = (_, res) => {
  res.writeHead(200, { 'content-type': 'application/json', 'content-length': '100' });
  res.flushHeaders();
  setImmediate(() => res.destroy());
};

describe('before the first byte another key takes over', () => {
  it.each([
    ['429', answerWith('{}', 429, { 'retry-after': '30' }), 'THROTTLED', 'NONE'],
    ['500', answerWith('{}', 500), 'ERROR', 'NONE'],
    ['401', answerWith('{}', 401), 'ERROR', 'NONE'],
    ['402', answerWith('{}', 402), 'THROTTLED', 'NONE'],
    ['403', answerWith('{}', 403), 'ERROR', 'NONE'],
    ['a redirect', answerWith('', 302, { location: 'http://127.0.0.1:1/' }), 'ERROR', 'NONE'],
    ['a connection that breaks', reset, 'ERROR', 'NONE'],
    ['an answer that breaks off before its first byte', empty, 'ERROR', 'ESTIMATED'],
    ['silence', stall, 'TIMEOUT', 'ESTIMATED'],
  ])('after %s, each attempt in the ledger', async (_, responder, status, source) => {
    first.respond(responder);
    const response = await proxy.post(PATH, body);
    expect(response.status).toBe(200);
    expect(response.headers.get('x-routing-decision')).toBe('FAILOVER');
    expect(response.headers.get('x-routing-failover')).toBe('2');
    const rows = await proxy.closes(response, 2);
    expect(rows.map((row) => [row['kind'], row['attempt_number'], row['status']])).toEqual([
      ['settled', 1, status],
      ['settled', 2, 'SUCCESS'],
    ]);
    expect(rows[0]).toMatchObject({ metering_source: source });
    expect(rows[1]).toMatchObject({ decision: 'FAILOVER', cost: '33000' });
    expect(new Set(rows.map((row) => row['request_id'])).size).toBe(1);
  });

  it('without giving up its slot of concurrency', async () => {
    first.respond(answerWith('{}', 500));
    const { promise, resolve } = Promise.withResolvers<undefined>();
    second.respond(async (_, res) => {
      await promise;
      res.writeHead(200, { 'content-type': 'application/json' }).end(completion());
    });
    const apiKey = await proxy.addApiKey({ limits: { concurrency: 1 } });
    const running = proxy.post(PATH, body, { apiKey });
    await expect.poll(() => second.received.length).toBe(1);
    const denied = await proxy.post(PATH, body, { apiKey });
    expect(await denied.json()).toMatchObject({ code: 'CONCURRENCY_LIMITED' });
    resolve(undefined);
    expect((await running).status).toBe(200);
  });

  it('unless the limits of the model that would take over are used up', async () => {
    await proxy.addModel('spare');
    await proxy.change(
      `update identity.accounts set gear = 2, switch_over = '[]', level_mapper = '[{"pattern":"spare","level":2}]',
         model_failover = '[{"pattern":"gpt-*","target":"spare"}]',
         model_limits = '[{"pattern":"spare","limits":{"requestsPerDay":0}}]' where id = $1`,
      [proxy.tenant.teamId],
    );
    first.respond(answerWith('{}', 500));
    const response = await proxy.post(PATH, body);
    expect(response.status).toBe(502);
    expect(await response.json()).toMatchObject({ code: 'UPSTREAM_ERROR' });
    expect([first.received.length, second.received.length]).toEqual([1, 0]);
  });

  it('and another model in gear 2: the answer warns of it, and every attempt that was billed is in the ledger', async () => {
    await proxy.addModel('spare');
    await proxy.change(
      `update identity.accounts set gear = 2, switch_over = '[]', level_mapper = '[{"pattern":"spare","level":2}]',
         model_failover = '[{"pattern":"gpt-*","target":"spare"}]' where id = $1`,
      [proxy.tenant.teamId],
    );
    first.respond(stall);
    const response = await proxy.post(PATH, body);
    expect(response.status).toBe(200);
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'x-routing-decision': 'FAILOVER',
      'x-routing-failover': '2',
      'x-routing-model': 'spare',
    });
    expect(JSON.parse(second.received[0]?.body ?? '{}')).toMatchObject({ model: 'spare' });
    const closes = await proxy.closes(response, 2);
    expect(closes).toMatchObject([
      { model_requested: MODEL, model_effective: MODEL, decision: 'PRIMARY', metering_source: 'ESTIMATED' },
      { model_requested: MODEL, model_effective: 'spare', decision: 'FAILOVER', cost: '33000' },
    ]);
    expect(Number(closes[0]?.['cost'])).toBeGreaterThan(0);
    const apiKey = await proxy.addApiKey({ scopes: ['admin'], account_id: proxy.tenant.ownerId });
    const asked = await fetch(`${proxy.url}/v1/routing/decisions`, { headers: { 'x-api-key': apiKey } });
    expect(await asked.json()).toMatchObject({
      object: 'list',
      data: [
        {
          requestId: response.headers.get('x-request-id'),
          modelRequested: MODEL,
          attempts: [
            { level: 1, model: MODEL, decision: 'PRIMARY', outcome: 'timeout', status: null },
            { level: 2, model: 'spare', decision: 'FAILOVER', outcome: 'answered', status: 200 },
          ],
        },
      ],
    });
  });

  it('and the failed one is left alone meanwhile', async () => {
    first.respond(answerWith('{}', 500));
    await proxy.post(PATH, body);
    await proxy.post(PATH, body);
    expect(first.received).toHaveLength(1);
    expect(second.received).toHaveLength(2);
  });
});

describe('a request is not repeated', () => {
  it.each([400, 404, 413, 422])('after %d, which another key would answer just the same', async (status) => {
    first.respond(answerWith('{"error":{}}', status));
    expect((await proxy.post(PATH, body)).status).toBe(status);
    expect(second.received).toEqual([]);
  });

  it('beyond the keys there are: the client learns which kind of failure it was', async () => {
    first.respond(answerWith('{}', 500));
    second.respond(answerWith('{}', 503));
    const broken = await proxy.post(PATH, body);
    expect(broken.status).toBe(502);
    expect(await broken.json()).toMatchObject({ code: 'UPSTREAM_ERROR' });
    const asleep = await proxy.post(PATH, body);
    expect(asleep.status).toBe(503);
    expect(await asleep.json()).toMatchObject({ code: 'NO_PROVIDER_KEY' });
    expect(Number(asleep.headers.get('retry-after'))).toBeGreaterThan(10);
  });

  it('beyond keys that are throttled: the client learns when the first of them wakes', async () => {
    first.respond(answerWith('{}', 429, { 'retry-after': '30' }));
    second.respond(answerWith('{}', 429, { 'retry-after': '20' }));
    const throttled = await proxy.post(PATH, body);
    expect(throttled.status).toBe(503);
    expect(await throttled.json()).toMatchObject({
      code: 'NO_PROVIDER_KEY',
      detail: expect.stringContaining('is resting') as string,
    });
    const seconds = Number(throttled.headers.get('retry-after'));
    expect(seconds).toBeGreaterThanOrEqual(1);
    expect(seconds).toBeLessThanOrEqual(22);
  });

  it('and silence of everybody is a time-out', async () => {
    first.respond(stall);
    second.respond(stall);
    const response = await proxy.post(PATH, body);
    expect(response.status).toBe(504);
    expect(await response.json()).toMatchObject({ code: 'UPSTREAM_TIMEOUT' });
  });
});
