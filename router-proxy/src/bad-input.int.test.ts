import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newVirtualKey } from '@weir/kernel/virtual-key';
import { MODEL, startTestProxy, type TestProxy } from './test-proxy.ts';
import { answerWith, completion, startTestUpstream, type TestUpstream } from './test-upstream.ts';

let upstream: TestUpstream;
let proxy: TestProxy;
let keys: Readonly<Record<string, string>>;

const PATH = '/v1/chat/completions';
const messages = [{ role: 'user', content: 'Hello' }];
const good = { model: MODEL, messages };

/** A body of exactly so many bytes. */
function bodyOf(bytes: number): string {
  const empty = JSON.stringify({ model: MODEL, messages: [{ role: 'user', content: '' }] });
  return JSON.stringify({
    model: MODEL,
    messages: [{ role: 'user', content: 'x'.repeat(bytes - empty.length) }],
  });
}

beforeAll(async () => {
  upstream = await startTestUpstream();
  proxy = await startTestProxy({ upstreamUrl: upstream.url });
  await proxy.addModel('capped');
  await proxy.addModel('elsewhere');
  await proxy.change(
    `update identity.accounts set level_mapper = '[{"pattern":"elsewhere","level":7}]' where id = $1`,
    [proxy.tenant.teamId],
  );
  await proxy.addBudget({ name: 'Tiny', limit_amount: '1', models: JSON.stringify(['capped']) });
  keys = {
    good: proxy.apiKey,
    none: '',
    unknown: newVirtualKey(),
    mistyped: `${newVirtualKey().slice(0, -1)}!`,
    revoked: await proxy.addApiKey({ status: 'REVOKED', revoked_at: new Date() }),
    expired: await proxy.addApiKey({ expires_at: new Date(Date.now() - 1_000) }),
    elsewhere: await proxy.addApiKey({ allow_ips: JSON.stringify(['10.0.0.0/8']) }),
    otherPath: await proxy.addApiKey({ resources: JSON.stringify(['/v1/embeddings']) }),
    readOnly: await proxy.addApiKey({ scopes: ['inference:read'] }),
    otherModel: await proxy.addApiKey({ allow_models: JSON.stringify(['other-*']) }),
  };
});

afterAll(async () => {
  await proxy.stop();
  await upstream.stop();
});

interface Problem {
  readonly status: number;
  readonly code: string;
  readonly detail: string;
  readonly requestId: string;
  readonly error: { readonly message: string; readonly code: string };
}

async function expectProblem(
  response: Response,
  status: number,
  code: string,
  sentence: string,
): Promise<void> {
  const text = await response.text();
  expect({ status: response.status, type: response.headers.get('content-type'), text }).toMatchObject({
    status,
    type: 'application/problem+json',
  });
  const problem = JSON.parse(text) as Problem;
  expect(problem).toMatchObject({ status, code, error: { code, message: problem.detail } });
  expect(problem.detail).toContain(sentence);
  expect(problem.requestId).toBe(response.headers.get('x-request-id'));
  expect(problem.requestId).toMatch(/^req_[0-9a-z]{26}$/);
}

describe('bad input gets its status, its code and a sentence that helps', () => {
  it.each([
    ['no key', 'none', PATH, good, 401, 'MISSING_API_KEY', 'X-API-Key'],
    ['an unknown key', 'unknown', PATH, good, 401, 'INVALID_API_KEY', 'copied whole'],
    ['a mistyped key', 'mistyped', PATH, good, 401, 'INVALID_API_KEY', 'copied whole'],
    ['a revoked key', 'revoked', PATH, good, 401, 'API_KEY_REVOKED', 'revoked'],
    ['an expired key', 'expired', PATH, good, 401, 'API_KEY_EXPIRED', 'expired at 20'],
    ['a forbidden address', 'elsewhere', PATH, good, 403, 'IP_NOT_ALLOWED', '127.0.0.1'],
    ['a forbidden path', 'otherPath', PATH, good, 403, 'PATH_NOT_ALLOWED', PATH],
    ['a missing scope', 'readOnly', PATH, good, 403, 'INSUFFICIENT_SCOPE', 'inference:write'],
    ['65,537 bytes', 'good', PATH, bodyOf(65_537), 413, 'PAYLOAD_TOO_LARGE', '65536'],
    ['65,537 bytes without a key', 'none', PATH, bodyOf(65_537), 413, 'PAYLOAD_TOO_LARGE', '65536'],
    ['broken JSON', 'good', PATH, '{"model":', 400, 'INVALID_REQUEST', 'not valid JSON'],
    ['broken JSON without a key', 'none', PATH, '{"model":', 401, 'MISSING_API_KEY', 'API key'],
    ['no body', 'good', PATH, '', 400, 'INVALID_REQUEST', 'no body'],
    ['a list', 'good', PATH, [], 400, 'INVALID_REQUEST', 'JSON object'],
    ['no messages', 'good', PATH, { model: MODEL }, 400, 'INVALID_REQUEST', '"messages" is missing'],
    ['no model', 'good', PATH, { messages }, 400, 'INVALID_REQUEST', '"model" is missing'],
    ['wrong types', 'good', PATH, { model: 1, messages: 2 }, 400, 'INVALID_REQUEST', 'must be'],
    [
      'an unknown model',
      'good',
      PATH,
      { model: 'gpt-99', messages },
      404,
      'MODEL_NOT_FOUND',
      'GET /v1/models',
    ],
    ['a forbidden model', 'otherModel', PATH, good, 403, 'MODEL_NOT_ALLOWED', MODEL],
    [
      'no provider key',
      'good',
      PATH,
      { model: 'elsewhere', messages },
      503,
      'NO_PROVIDER_KEY',
      'administrator',
    ],
    ['a used up budget', 'good', PATH, { model: 'capped', messages }, 402, 'BUDGET_EXCEEDED', '"Tiny"'],
    ['an unknown path', 'good', '/v1/nonsense', good, 404, 'NOT_FOUND', '/v1/nonsense'],
    ['a wrong method', 'good', '/v1/models', good, 405, 'METHOD_NOT_ALLOWED', 'GET'],
  ])('%s', async (_, key, path, body, status, code, sentence) => {
    upstream.respond(answerWith(completion()));
    await expectProblem(await proxy.post(path, body, { apiKey: keys[key] ?? '' }), status, code, sentence);
    expect(upstream.received).toEqual([]);
  });

  it('a wrong method says which is right', async () => {
    const response = await fetch(proxy.url + PATH, { headers: { 'x-api-key': proxy.apiKey } });
    expect(response.headers.get('allow')).toBe('POST');
    await expectProblem(response, 405, 'METHOD_NOT_ALLOWED', 'POST');
  });

  it('a body that is not UTF-8', async () => {
    const body = Buffer.from(JSON.stringify({ ...good, user: '\xff' }), 'latin1');
    const response = await fetch(proxy.url + PATH, {
      method: 'POST',
      headers: { 'x-api-key': proxy.apiKey },
      body,
    });
    await expectProblem(response, 400, 'INVALID_REQUEST', 'UTF-8');
  });

  it('a compressed body', async () => {
    const response = await proxy.post(PATH, good, { headers: { 'content-encoding': 'gzip' } });
    await expectProblem(response, 415, 'UNSUPPORTED_MEDIA_TYPE', 'uncompressed');
  });

  it('a suspended account, and the suspension of the organization above it', async () => {
    const key = await proxy.addApiKey();
    const { change, tenant } = proxy;
    await change(`update identity.accounts set status = 'SUSPENDED' where id = $1`, [tenant.ownerId]);
    await expectRefusal(key, 'ACCOUNT_SUSPENDED');
    await change(`update identity.accounts set status = 'ACTIVE' where id = $1`, [tenant.ownerId]);
    await change(`update identity.organizations set status = 'SUSPENDED' where id = $1`, [
      tenant.organizationId,
    ]);
    await expectRefusal(key, 'ACCOUNT_SUSPENDED');
    await change(`update identity.organizations set status = 'ACTIVE' where id = $1`, [
      tenant.organizationId,
    ]);
  });
});

async function expectRefusal(apiKey: string, code: string): Promise<void> {
  const response = await proxy.post(PATH, good, { apiKey });
  expect(await response.json()).toMatchObject({ code });
}

describe('good input at the edge', () => {
  it('of exactly 65,536 bytes is served', async () => {
    upstream.respond(answerWith(completion()));
    const response = await proxy.post(PATH, bodyOf(65_536));
    expect(response.status).toBe(200);
    expect(upstream.received[0]?.body).toHaveLength(65_536);
  });

  it('is served under any content type, and under the path without /v1', async () => {
    for (const type of [
      'text/plain',
      'application/x-www-form-urlencoded',
      'application/json; charset=utf-8',
    ]) {
      const response = await proxy.post('/chat/completions', good, { headers: { 'content-type': type } });
      expect(response.status).toBe(200);
    }
  });

  it('lists the models that the key may use, and shows one by any of its names', async () => {
    const get = async (path: string, apiKey = proxy.apiKey) =>
      (await fetch(proxy.url + path, { headers: { authorization: `Bearer ${apiKey}` } })).json() as Promise<{
        data?: readonly { readonly id: string }[];
      }>;
    expect((await get('/v1/models')).data?.map(({ id }) => id)).toEqual(['capped', 'elsewhere', MODEL]);
    expect(await get('/models', keys['otherModel'])).toEqual({ object: 'list', data: [] });
    expect(await get(`/v1/models/${MODEL}`)).toMatchObject({ id: MODEL, object: 'model' });
    expect(await get('/v1/models/meta/llama')).toMatchObject({ code: 'MODEL_NOT_FOUND' });
  });
});
