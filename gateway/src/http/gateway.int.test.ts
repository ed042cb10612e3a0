import { createHash } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { PATIENTLY } from '@weir/testkit/patience';
import { newUuid, type Uuid } from '@weir/kernel/ids';
import { personOf, startTestPlatform, type TestPlatform } from '../test-platform.ts';

let platform: TestPlatform;
let organizationId: Uuid;
let token: string;
const ANY_TEXT: unknown = expect.any(String);

beforeAll(async () => {
  platform = await startTestPlatform();
});
afterAll(() => platform.stop());
beforeEach(() => {
  organizationId = newUuid();
  token = `token-${organizationId}`;
  platform.organizations.set(organizationId, 'Acme');
  platform.actors.set(token, personOf(organizationId));
});

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: {
    readonly data?: Record<string, unknown> | null;
    readonly errors?: readonly { message: string; path?: unknown; extensions: Record<string, unknown> }[];
  };
}

async function post(body: unknown, headers: Record<string, string> = {}): Promise<Answer> {
  const response = await fetch(platform.url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
  return {
    status: response.status,
    headers: response.headers,
    body: (await response.json()) as Answer['body'],
  };
}

const query = (text: string, variables: object = {}, bearer = token): Promise<Answer> =>
  post({ query: text, variables }, { authorization: `Bearer ${bearer}` });

describe('queries', () => {
  it('are answered from several subgraphs at once', async () => {
    const { status, body } = await query(
      /* GraphQL */ `
        query ($id: ID!) {
          organization(id: $id) {
            name
            alertCount
          }
          viewerName
        }
      `,
      { id: organizationId },
    );
    expect(status).toBe(200);
    expect(body).toEqual({
      data: { organization: { name: 'Acme', alertCount: 7 }, viewerName: ANY_TEXT },
    });
  });

  it('show the other organization as absent', async () => {
    const { body } = await query('query ($id: ID!) { organization(id: $id) { name } }', { id: newUuid() });
    expect(body).toEqual({ data: { organization: null } });
  });

  it('answer each actor for themselves, whatever was answered to somebody else before', async () => {
    const other = personOf(newUuid());
    platform.actors.set('other', other);
    const mine = await query('{ viewerName }');
    const theirs = await query('{ viewerName }', {}, 'other');
    expect(theirs.body.data?.['viewerName']).not.toBe(mine.body.data?.['viewerName']);
    const again = await query('{ viewerName }');
    expect(again.body.data).toEqual(mine.body.data);
  });

  it('run without a credential as nobody', async () => {
    const { body } = await post({ query: '{ viewerName }' });
    expect(body).toEqual({ data: { viewerName: 'anonymous' } });
    const refused = await post({
      query: 'query ($id: ID!) { organization(id: $id) { name } }',
      variables: { id: organizationId },
    });
    expect(refused.status).toBe(200);
    expect(refused.body.errors?.[0]).toMatchObject({
      path: ['organization'],
      extensions: { code: 'UNAUTHENTICATED' },
    });
  });

  it('accept an API key in either header', async () => {
    const { newVirtualKey } = await import('@weir/kernel/virtual-key');
    const key = newVirtualKey();
    platform.actors.set(key, {
      ...personOf(organizationId),
      actor: { type: 'apiKey', apiKeyId: newUuid(), accountId: newUuid() },
    });
    const byHeader = await post({ query: '{ viewerName }' }, { 'x-api-key': key });
    const byBearer = await query('{ viewerName }', {}, key);
    expect(byHeader.body.data).toEqual({ viewerName: 'apiKey' });
    expect(byBearer.body.data).toEqual({ viewerName: 'apiKey' });
  });

  it('refuse an API key from an address that it is not bound to, with 403', async () => {
    const { newVirtualKey } = await import('@weir/kernel/virtual-key');
    const actor = { type: 'apiKey', apiKeyId: newUuid(), accountId: newUuid() } as const;
    const [here, elsewhere] = [newVirtualKey(), newVirtualKey()];
    platform.actors.set(here, { ...personOf(organizationId), actor, allowIps: [['127.0.0.0/8', '::1']] });
    platform.actors.set(elsewhere, { ...personOf(organizationId), actor, allowIps: [['198.51.100.0/24']] });
    expect((await query('{ viewerName }', {}, here)).body.data).toEqual({ viewerName: 'apiKey' });
    const refused = await query('{ viewerName }', {}, elsewhere);
    expect(refused.status).toBe(403);
    expect(refused.body.errors?.[0]?.extensions['code']).toBe('IP_NOT_ALLOWED');
  });

  it('ask who a credential stands for at most once a second', async () => {
    await query('{ viewerName }');
    const before = platform.authentications();
    await Promise.all(Array.from({ length: 10 }, () => query('{ viewerName }')));
    expect(platform.authentications() - before).toBeLessThanOrEqual(1);
  });
});

it('a client that hangs up ends what runs for it in the subgraphs', async () => {
  const client = new AbortController();
  const answer = fetch(platform.url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
    body: '{"query":"{ wait }"}',
    signal: client.signal,
  });
  await vi.waitFor(() => expect(platform.waitingQueries()).toBe(1), PATIENTLY);
  client.abort();
  await expect(answer).rejects.toThrow();
  await vi.waitFor(() => expect(platform.waitingQueries()).toBe(0), PATIENTLY);
});

describe('a credential that is not accepted', () => {
  it('fails the request with 401 and a sentence', async () => {
    const { status, headers, body } = await query('{ viewerName }', {}, 'nobody-has-this');
    expect(status).toBe(401);
    expect(headers.get('www-authenticate')).toBe('Bearer');
    expect(body.errors).toEqual([
      {
        message: 'Nobody has this credential.',
        extensions: { code: 'UNAUTHENTICATED', requestId: ANY_TEXT },
      },
    ]);
  });

  it('is refused without asking anybody when it cannot be one of ours', async () => {
    const before = platform.authentications();
    const { status } = await post({ query: '{ viewerName }' }, { 'x-api-key': 'sk-Xvsnope' });
    expect(status).toBe(401);
    expect(platform.authentications()).toBe(before);
  });
});

describe('what reaches a subgraph of a request', () => {
  it('is the internal identity, the request id and the trace, and no header of the client', async () => {
    platform.seenHeaders.length = 0;
    const { headers } = await post(
      { query: '{ alert(id: "1") { id } }' },
      {
        authorization: `Bearer ${token}`,
        cookie: 'secret=1',
        'x-canary': 'canary',
        'x-weir-identity': 'forged',
      },
    );
    const seen = platform.seenHeaders.at(-1) ?? {};
    expect(Object.keys(seen).toSorted()).toEqual(
      [
        'accept',
        'accept-encoding',
        'accept-language',
        'connection',
        'content-length',
        'content-type',
        'host',
        'sec-fetch-mode',
        'traceparent',
        'user-agent',
        'x-request-id',
        'x-weir-identity',
      ].toSorted(),
    );
    expect(seen['user-agent']).toBe('undici');
    expect(seen['x-weir-identity']).not.toBe('forged');
    expect(seen['x-request-id']).toBe(headers.get('x-request-id'));
    expect(JSON.stringify(seen)).not.toContain('canary');
  });
});

describe('errors', () => {
  it('of a subgraph keep their code, details and wait, and lose where they came from', async () => {
    const { body, headers } = await query('{ fail viewerName }');
    expect(body.errors).toEqual([
      {
        message: 'Too many questions.',
        path: ['fail'],
        extensions: {
          code: 'RATE_LIMITED',
          requestId: headers.get('x-request-id'),
          details: { limit: 1 },
          retryAfterMs: 2000,
        },
      },
    ]);
    expect(body.data).toMatchObject({ fail: null, viewerName: ANY_TEXT });
  });

  it('of ours are masked', async () => {
    platform.organizations.set(organizationId, 'broken');
    const { body } = await query('query ($id: ID!) { organization(id: $id) { name alertCount } }', {
      id: organizationId,
    });
    expect(body.data).toEqual({ organization: null });
    expect(body.errors?.[0]?.extensions).toEqual({ code: 'INTERNAL', requestId: ANY_TEXT });
    expect(JSON.stringify(body)).not.toContain('fire');
  });

  it('about a variable reach the client as its own mistake', async () => {
    const { body } = await query('query ($at: DateTime) { alert(id: "1", at: $at) { id } }', {
      at: 'yesterday',
    });
    expect(body.errors?.[0]?.extensions['code']).toBe('BAD_USER_INPUT');
    expect(body.errors?.[0]?.message).toContain('RFC 3339');
  });

  it.each([
    ['text that is no GraphQL', { query: '{ viewerName' }, 400, 'GRAPHQL_PARSE_FAILED'],
    ['a field that does not exist', { query: '{ nothing }' }, 400, 'GRAPHQL_VALIDATION_FAILED'],
    ['no operation at all', {}, 400, 'BAD_REQUEST'],
    ['a batch', [{ query: '{ viewerName }' }], 400, 'BAD_REQUEST'],
    [
      'an operation name that the document lacks',
      { query: 'query A { viewerName } query B { viewerName }', operationName: 'C' },
      400,
      'OPERATION_RESOLUTION_FAILURE',
    ],
    [
      'a subscription over HTTP',
      { query: 'subscription { alertRaised(organizationId: "x") { id } }' },
      400,
      'BAD_USER_INPUT',
    ],
    ['broken JSON', '{"query":', 400, 'INVALID_REQUEST'],
    ['a body over the limit', { query: `{ viewerName } # ${'x'.repeat(140_000)}` }, 413, 'PAYLOAD_TOO_LARGE'],
    ['too many tokens', { query: `{ ${'viewerName '.repeat(4_100)} }` }, 400, 'GRAPHQL_PARSE_FAILED'],
  ])('for %s say so', async (_name, body, status, code) => {
    const answer = await post(body, { authorization: `Bearer ${token}` });
    expect([answer.status, answer.body.errors?.[0]?.extensions['code']]).toEqual([status, code]);
    expect(answer.body.errors?.[0]?.message.length).toBeGreaterThan(10);
  });

  it('for a request that a foreign page could send say so', async () => {
    const response = await fetch(platform.url, {
      method: 'POST',
      headers: { 'content-type': 'text/plain' },
      body: '{}',
    });
    expect(response.status).toBe(400);
    expect(await response.text()).toContain('CSRF');
  });

  it('for an unknown path are problem+json', async () => {
    const response = await fetch(new URL('/nothing', platform.url));
    expect(response.status).toBe(404);
    expect(response.headers.get('content-type')).toContain('application/problem+json');
  });
});

describe('limits', () => {
  const nested = (depth: number): string =>
    `query ($id: ID!) { organization(id: $id) { ${'children(first: 1) { '.repeat(depth - 2)} name ${'}'.repeat(depth - 2)} } }`;

  it('let the deepest allowed operation through and name the numbers of the next', async () => {
    const allowed = await query(nested(12), { id: organizationId });
    expect(allowed.body.errors).toBeUndefined();
    const { status, body } = await query(nested(13), { id: organizationId });
    expect(status).toBe(400);
    expect(body.errors?.[0]?.message).toContain('depth is 13; at most 12 is allowed');
    expect(body.errors?.[0]?.extensions).toMatchObject({
      code: 'GRAPHQL_VALIDATION_FAILED',
      details: { limit: 'depth', actual: 13, allowed: 12 },
    });
  });

  it('count aliases, also of fragments spread more than once', async () => {
    const aliases = Array.from({ length: 16 }, (_, index) => `a${index}: name`).join(' ');
    const { body } = await query(
      `query ($id: ID!) { organization(id: $id) { ...F children { ...F } } } fragment F on Organization { ${aliases} }`,
      { id: organizationId },
    );
    expect(body.errors?.[0]?.extensions['details']).toEqual({ limit: 'aliases', actual: 32, allowed: 30 });
  });

  it('multiply pages by their length, from a variable too', async () => {
    const text =
      'query ($id: ID!, $n: Int) { organization(id: $id) { children(first: $n) { children(first: $n) { name } } } }';
    expect((await query(text, { id: organizationId, n: 5 })).body.errors).toBeUndefined();
    const { body } = await query(text, { id: organizationId, n: 1000 });
    expect(body.errors?.[0]?.extensions['details']).toMatchObject({ limit: 'cost', allowed: 20_000 });
  });
});

describe('persisted queries', () => {
  it('are learned by text and then run by hash, also by GET', async () => {
    const text = 'query Persisted { viewerName }';
    const extensions = {
      persistedQuery: { version: 1, sha256Hash: createHash('sha256').update(text).digest('hex') },
    };
    const unknown = await post({ extensions });
    expect(unknown.body.errors?.[0]?.extensions['code']).toBe('PERSISTED_QUERY_NOT_FOUND');
    await post({ query: text, extensions });
    const url = new URL(platform.url);
    url.searchParams.set('extensions', JSON.stringify(extensions));
    const response = await fetch(url, {
      headers: { 'apollo-require-preflight': 'true', authorization: `Bearer ${token}` },
    });
    expect(await response.json()).toEqual({ data: { viewerName: ANY_TEXT } });
  });
});

describe('health', () => {
  it('names each subgraph', async () => {
    const response = await fetch(`${platform.adminUrl}/readyz`);
    const { status, checks } = (await response.json()) as {
      status: string;
      checks: { name: string; status: string }[];
    };
    expect(status).toBe('ready');
    expect(checks.map((check) => [check.name, check.status])).toEqual([
      ['alerts', 'up'],
      ['identity', 'up'],
    ]);
  });
});

describe('the explorer', () => {
  it('is what a browser gets at the endpoint, with every file of its own', async () => {
    const response = await fetch(platform.url, { headers: { accept: 'text/html,*/*' } });
    const page = await response.text();
    expect(response.headers.get('content-security-policy')).toContain("default-src 'none'");
    const files = [...page.matchAll(/(?:src|href)="(\/[^"]+)"/g)].map((match) => match[1] ?? '');
    expect(files).toHaveLength(3);
    for (const file of files) {
      const asset = await fetch(new URL(file, platform.url));
      expect([file, asset.status, (await asset.text()).length > 1000]).toEqual([file, 200, true]);
    }
  });
});
