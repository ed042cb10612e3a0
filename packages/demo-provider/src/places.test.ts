import { generateKeyPairSync, sign } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DEMO_PROVIDER_API_KEY, startDemoProvider, type DemoProvider } from './demo-provider.ts';

const { privateKey, publicKey } = generateKeyPairSync('rsa', {
  modulusLength: 2_048,
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  publicKeyEncoding: { type: 'spki', format: 'pem' },
});
const VERTEX = '/v1/projects/p/locations/l';
const messages = [{ role: 'user', content: 'How high is it? '.repeat(20) }];

let provider: DemoProvider;
let token: string;

beforeAll(async () => {
  provider = await startDemoProvider({ serviceAccountKey: publicKey });
  const answer = await exchange(assertion(privateKey));
  token = ((await answer.json()) as { access_token: string }).access_token;
});
afterAll(() => provider.stop());

function assertion(key: string): string {
  const signature = sign('RSA-SHA256', Buffer.from('h.c'), key).toString('base64url');
  return `h.c.${signature}`;
}

function exchange(signed: string): Promise<Response> {
  const grant = 'urn:ietf:params:oauth:grant-type:jwt-bearer';
  const body = new URLSearchParams({ grant_type: grant, assertion: signed });
  return fetch(`${provider.url}/token`, { method: 'POST', body });
}

const post = (path: string, headers: Record<string, string>, body: object) =>
  fetch(provider.url + path, { method: 'POST', headers, body: JSON.stringify(body) });

const anthropic = (body: object, path = '/v1/messages') =>
  post(path, { 'x-api-key': DEMO_PROVIDER_API_KEY }, { model: 'demo-small', max_tokens: 100, messages, ...body }); // prettier-ignore

interface Message {
  readonly content: readonly { type: string; text?: string; name?: string; input?: { text: string } }[];
  readonly stop_reason: string;
  readonly usage: Readonly<Record<string, number>>;
}

const dataOf = (stream: string): { type: string; [name: string]: unknown }[] =>
  stream
    .split('\n\n')
    .filter(Boolean)
    .map((text) => JSON.parse(text.slice(text.indexOf('data: ') + 6)) as { type: string });

describe('a message', () => {
  it('has its tokens in disjoint classes, which together are what is billed', async () => {
    const system = [{ type: 'text', text: 'Be brief.', cache_control: { type: 'ephemeral' } }];
    const { usage } = (await (await anthropic({ system })).json()) as Message;
    const { billed } = provider.served().records.at(-1) ?? {};
    expect(usage).toMatchObject({
      cache_read_input_tokens: billed?.cached,
      cache_creation_input_tokens: billed?.cacheWrite,
      output_tokens: billed?.completion,
    });
    expect(billed?.cacheWrite).toBeGreaterThan(0);
    expect((usage['input_tokens'] ?? 0) + (billed?.cached ?? 0) + (billed?.cacheWrite ?? 0)).toBe(
      billed?.prompt,
    );
  });

  it('streams the text that it answers unstreamed, and the same usage', async () => {
    const whole = (await (await anthropic({})).json()) as Message;
    const events = dataOf(await (await anthropic({ stream: true })).text());
    const texts = events.flatMap(({ delta }) => (delta as { text?: string } | undefined)?.text ?? []);
    expect(texts.join('')).toBe(whole.content[0]?.text);
    expect(events.map(({ type }) => type).filter((type) => type !== 'content_block_delta')).toEqual([
      'message_start',
      'content_block_start',
      'ping',
      'content_block_stop',
      'message_delta',
      'message_stop',
    ]);
    expect(events.at(-2)).toMatchObject({ usage: { output_tokens: whole.usage['output_tokens'] } });
  });

  it('calls the first tool, and answers in words once it has the result', async () => {
    const tools = [{ name: 'gauge', input_schema: {} }];
    const call = (await (await anthropic({ tools })).json()) as Message;
    expect(call).toMatchObject({ stop_reason: 'tool_use', content: [{ type: 'tool_use', name: 'gauge' }] });
    const events = dataOf(await (await anthropic({ tools, stream: true })).text());
    const json = events.flatMap(({ delta }) => (delta as { partial_json?: string } | undefined)?.partial_json ?? []); // prettier-ignore
    expect(JSON.parse(json.join(''))).toEqual(call.content[0]?.input);
    const result = { role: 'user', content: [{ type: 'tool_result', tool_use_id: 't', content: '3 m' }] };
    const answer = (await (await anthropic({ tools, messages: [...messages, result] })).json()) as Message;
    expect(answer).toMatchObject({ stop_reason: 'end_turn', content: [{ type: 'text' }] });
  });

  it.each([
    [{ max_tokens: undefined }, 400, 'invalid_request_error'],
    [{ messages: [] }, 400, 'invalid_request_error'],
    [{ model: 'claude-9' }, 404, 'not_found_error'],
    [{ model: 'demo-fault-429' }, 429, 'rate_limit_error'],
    [{ model: 'demo-fault-overloaded' }, 529, 'overloaded_error'],
    [{ model: 'demo-fault-credit' }, 400, 'invalid_request_error'],
  ])('with %j is refused with %d in Anthropic’s shape', async (body, status, type) => {
    const answer = await anthropic(body);
    expect([answer.status, await answer.json()]).toMatchObject([status, { type: 'error', error: { type } }]);
  });

  it('is counted without being billed', async () => {
    const counted = await anthropic({ max_tokens: undefined }, '/v1/messages/count_tokens');
    const { usage } = (await (await anthropic({})).json()) as Message;
    const billed = (usage['input_tokens'] ?? 0) + (usage['cache_read_input_tokens'] ?? 0);
    expect(await counted.json()).toEqual({ input_tokens: billed });
    expect(provider.served().records.at(-2)).toMatchObject({
      path: '/v1/messages/count_tokens',
      billed: { prompt: 0 },
    });
  });
});

describe('each place', () => {
  const chat = { messages, stream: true };
  const azure = '/openai/deployments/demo-small/chat/completions?api-version=2024-10-21';
  const claude = { anthropic_version: 'vertex-2023-10-16', max_tokens: 9, messages };
  const key = DEMO_PROVIDER_API_KEY;

  it.each([
    ['azure', azure, () => ({ 'api-key': key }), chat],
    ['azure v1', '/openai/v1/chat/completions', () => ({ 'api-key': key }), { ...chat, model: 'demo-small' }],
    [
      'vertex',
      `${VERTEX}/endpoints/openapi/chat/completions`,
      () => ({ authorization: `Bearer ${token}` }),
      { ...chat, model: 'google/demo-small' },
    ],
    [
      'claude on vertex',
      `${VERTEX}/publishers/anthropic/models/claude-demo-small:streamRawPredict`,
      () => ({ authorization: `Bearer ${token}` }),
      claude,
    ],
  ] as const)('of %s answers to its own kind of key alone', async (_, path, headers, body) => {
    const answer = await post(path, headers(), body);
    expect([answer.status, answer.headers.get('content-type')]).toEqual([
      200,
      'text/event-stream; charset=utf-8',
    ]);
    await answer.text();
    expect(provider.served().records.at(-1)).toMatchObject({ model: 'demo-small', outcome: 'answered' });
    for (const wrong of [{}, { authorization: `Bearer ${key}` }, { 'x-api-key': key }]) {
      expect((await post(path, wrong, body)).status).toBe(401);
    }
  });

  it('of azure begins a stream with an event that has neither choices nor usage', async () => {
    const text = await (await post(azure, { 'api-key': key }, chat)).text();
    expect(text.slice(0, text.indexOf('\n\n'))).toContain('{"choices":[]');
  });

  it('of claude on vertex wants the version in the body and the model in the path alone', async () => {
    const path = `${VERTEX}/publishers/anthropic/models/claude-demo-small:rawPredict`;
    const headers = { authorization: `Bearer ${token}` };
    expect((await post(path, headers, { ...claude, model: 'm' })).status).toBe(400);
    expect((await post(path, headers, { ...claude, anthropic_version: '2023-06-01' })).status).toBe(400);
  });

  it('of the tokens gives none for a signature of somebody else', async () => {
    const other = generateKeyPairSync('rsa', {
      modulusLength: 2_048,
      privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
      publicKeyEncoding: { type: 'spki', format: 'pem' },
    });
    const before = provider.tokensIssued();
    expect((await exchange(assertion(other.privateKey))).status).toBe(400);
    expect(provider.tokensIssued()).toBe(before);
  });
});
