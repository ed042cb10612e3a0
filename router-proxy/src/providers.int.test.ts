import { generateKeyPairSync } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startDemoProvider, type DemoProvider } from '@weir/demo-provider/demo-provider';
import { PROVIDER_SECRET, startTestProxy, type TestProxy } from './test-proxy.ts';

/** One provider with the paths of all kinds; a model for each kind, whose Level has one key of that kind. */
let provider: DemoProvider;
let proxy: TestProxy;

const { privateKey, publicKey } = generateKeyPairSync('rsa', {
  modulusLength: 2_048,
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  publicKeyEncoding: { type: 'spki', format: 'pem' },
});

const names = (target: string) => [{ pattern: '*', target }];
const VERTEX = { project: 'p-1', location: 'us-east5' };
const PLACES = '/v1/projects/p-1/locations/us-east5';

interface Kind {
  readonly model: string;
  readonly provider: 'openai' | 'azure' | 'anthropic' | 'vertex';
  readonly config: object;
  /** Whether the base URL ends with the version, as OpenAI's does. */
  readonly endsWithVersion?: true;
}

const KINDS: readonly Kind[] = [
  { model: 'on-openai', provider: 'openai', config: { models: names('demo-small') }, endsWithVersion: true },
  {
    model: 'on-azure',
    provider: 'azure',
    config: { apiVersion: '2024-10-21', deployments: names('demo-small') },
  },
  { model: 'on-azure-v1', provider: 'azure', config: { deployments: names('demo-small') } },
  { model: 'on-anthropic', provider: 'anthropic', config: { models: names('demo-reasoning') } },
  { model: 'on-vertex', provider: 'vertex', config: { ...VERTEX, models: names('demo-small') } },
  {
    model: 'claude-on-vertex',
    provider: 'vertex',
    config: { ...VERTEX, models: names('claude-demo-small') },
  },
  {
    model: 'breaking-off',
    provider: 'openai',
    config: { models: names('demo-fault-error-event') },
    endsWithVersion: true,
  },
];

beforeAll(async () => {
  provider = await startDemoProvider({ apiKeys: [PROVIDER_SECRET], serviceAccountKey: publicKey });
  proxy = await startTestProxy({ upstreamUrl: `${provider.url}/v1` });
  const serviceAccount = JSON.stringify({
    type: 'service_account',
    client_email: 'weir@p-1.iam.gserviceaccount.com',
    private_key: privateKey,
    token_uri: `${provider.url}/token`,
  });
  for (const [index, kind] of KINDS.entries()) {
    await proxy.addModel(kind.model);
    await proxy.addProviderKey(
      {
        level: 10 + index,
        provider: kind.provider,
        base_url: kind.endsWithVersion ? `${provider.url}/v1` : provider.url,
        config: JSON.stringify(kind.config),
      },
      kind.provider === 'vertex' ? serviceAccount : PROVIDER_SECRET,
    );
  }
  const levels = KINDS.map(({ model }, index) => ({ pattern: model, level: 10 + index }));
  await proxy.change('update identity.accounts set level_mapper = $2 where id = $1', [
    proxy.tenant.teamId,
    JSON.stringify([...levels, { pattern: 'spent', level: 13 }]),
  ]);
  await proxy.addModel('spent');
  await proxy.addBudget({ name: 'Spent', limit_amount: '1', models: JSON.stringify(['spent']) });
});

afterAll(async () => {
  await proxy.stop();
  await provider.stop();
});

const conversation = [{ role: 'user', content: 'How high is the water? '.repeat(10) }];
const lastServed = () => provider.served().records.at(-1);

describe('chat completions', () => {
  const PATH = '/v1/chat/completions';

  it.each([
    ['on-openai', '/v1/chat/completions'],
    ['on-azure', '/openai/deployments/demo-small/chat/completions'],
    ['on-azure-v1', '/openai/v1/chat/completions'],
    ['on-anthropic', '/v1/chat/completions'],
    ['on-vertex', `${PLACES}/endpoints/openapi/chat/completions`],
  ])('of %s are asked for at %s, and the ledger says what the provider bills', async (model, path) => {
    for (const stream of [false, true]) {
      const response = await proxy.post(PATH, { model, messages: conversation, stream });
      expect(response.status).toBe(200);
      await response.text();
      const served = lastServed();
      expect(served).toMatchObject({ path, stream, outcome: 'answered' });
      const [close] = await proxy.closes(response);
      expect(close).toMatchObject({ status: 'SUCCESS', metering_source: 'PROVIDER', model_effective: model });
      expect(tokensOf(close)).toEqual(served?.billed);
    }
  });

  it('keep Azure’s event without choices, which is no report of usage', async () => {
    const response = await proxy.post(PATH, { model: 'on-azure', messages: conversation, stream: true });
    expect((await response.text()).startsWith('data: {"choices":[]')).toBe(true);
  });

  it('that the provider breaks off by an event pass, and the ledger says so', async () => {
    const request = { model: 'breaking-off', messages: conversation, stream: true };
    const response = await proxy.post(PATH, request);
    expect(await response.text()).toContain('"error":{"message"');
    const [close] = await proxy.closes(response);
    expect(close).toMatchObject({
      status: 'INCOMPLETE',
      error_code: 'PROVIDER_SERVER_ERROR',
      metering_source: 'ESTIMATED',
    });
    expect(tokensOf(close).completion).toBeGreaterThan(0);
  });

  it('of a model whose keys speak another language are refused before anything is sent', async () => {
    const before = provider.requests();
    const response = await proxy.post(PATH, { model: 'claude-on-vertex', messages: conversation });
    expect([response.status, await response.json()]).toMatchObject([503, { code: 'NO_PROVIDER_KEY' }]);
    expect(provider.requests()).toBe(before);
  });
});

describe('messages', () => {
  const PATH = '/v1/messages';
  const system = [{ type: 'text', text: 'Be brief.', cache_control: { type: 'ephemeral' } }];
  const body = { max_tokens: 200, system, messages: conversation };

  it.each([
    ['on-anthropic', false, '/v1/messages'],
    ['on-anthropic', true, '/v1/messages'],
    ['claude-on-vertex', false, `${PLACES}/publishers/anthropic/models/claude-demo-small:rawPredict`],
    ['claude-on-vertex', true, `${PLACES}/publishers/anthropic/models/claude-demo-small:streamRawPredict`],
  ])('of %s (streamed: %s) are asked for at %s, each class in the ledger', async (model, stream, path) => {
    const response = await proxy.post(PATH, { ...body, model, stream });
    expect(response.status).toBe(200);
    expect(response.headers.get('request-id')).toBe(response.headers.get('x-request-id'));
    expect(response.headers.get('anthropic-organization-id')).toBeNull();
    await response.text();
    const served = lastServed();
    expect(served).toMatchObject({ path, stream, outcome: 'answered' });
    const [close] = await proxy.closes(response);
    expect(close).toMatchObject({ status: 'SUCCESS', metering_source: 'PROVIDER', endpoint: PATH });
    expect(tokensOf(close)).toEqual(served?.billed);
    expect(served?.billed.cacheWrite).toBeGreaterThan(0);
  });

  it('arrive byte for byte as the provider sent them', async () => {
    const request = { ...body, model: 'demo-reasoning', stream: true };
    const direct = await fetch(`${provider.url}/v1/messages`, {
      method: 'POST',
      headers: { 'x-api-key': PROVIDER_SECRET },
      body: JSON.stringify(request),
    });
    const relayed = await proxy.post('/messages', { ...request, model: 'on-anthropic' });
    expect(await relayed.text()).toBe(await direct.text());
  });

  it('of a model that only OpenAI’s keys serve are refused in Anthropic’s shape', async () => {
    const response = await proxy.post(PATH, { ...body, model: 'on-openai' });
    expect([response.status, await response.json()]).toMatchObject([
      503,
      { type: 'error', error: { type: 'overloaded_error' }, code: 'NO_PROVIDER_KEY' },
    ]);
  });

  it('share one access token, which is no part of any answer', async () => {
    const before = provider.tokensIssued();
    const responses = await Promise.all(
      Array.from({ length: 5 }, () => proxy.post(PATH, { ...body, model: 'claude-on-vertex' })),
    );
    for (const response of responses) {
      expect(JSON.stringify([[...response.headers], await response.text()])).not.toContain('ya29');
    }
    expect(provider.tokensIssued() - before).toBe(0);
  });
});

describe('counting tokens', () => {
  const PATH = '/v1/messages/count_tokens';

  it.each([
    ['on-anthropic', '/v1/messages/count_tokens'],
    ['claude-on-vertex', `${PLACES}/publishers/anthropic/models/count-tokens:rawPredict`],
  ])('of %s is asked for at %s and costs nothing', async (model, path) => {
    const response = await proxy.post(PATH, { model, messages: conversation });
    expect([response.status, await response.json()]).toMatchObject([200, { input_tokens: expect.any(Number) as number }]); // prettier-ignore
    expect(lastServed()).toMatchObject({ path });
    const [close] = await proxy.closes(response);
    expect(close).toMatchObject({ status: 'SUCCESS', cost: '0', price_id: null, endpoint: PATH });
    expect(Object.values(tokensOf(close))).toEqual([0, 0, 0, 0, 0, 0, 0]);
  });

  it('goes on where a budget has nothing left, and counts as a request', async () => {
    const apiKey = await proxy.addApiKey({ limits: { requestsPerMinute: 2, tokensPerMinute: 1 } });
    const request = { model: 'spent', messages: conversation };
    const message = await proxy.post('/v1/messages', { ...request, max_tokens: 9 });
    expect([message.status, await message.json()]).toMatchObject([402, { error: { type: 'billing_error' } }]);
    const statuses: number[] = [];
    for (let count = 0; count < 3; count++)
      statuses.push((await proxy.post(PATH, request, { apiKey })).status);
    expect(statuses).toEqual([200, 200, 429]);
  });
});

/** A row's tokens as the provider names them. */
function tokensOf(row: Readonly<Record<string, unknown>> | undefined) {
  const tokens = (name: string): number => Number(row?.[`${name}_tokens`]);
  return {
    prompt: tokens('input') + tokens('cached_input') + tokens('cache_write'),
    cached: tokens('cached_input'),
    cacheWrite: tokens('cache_write'),
    completion: tokens('output') + tokens('reasoning'),
    reasoning: tokens('reasoning'),
    images: Number(row?.['images']),
    audioMs: Number(row?.['audio_ms']),
  };
}
