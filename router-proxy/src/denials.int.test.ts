import Anthropic from '@anthropic-ai/sdk';
import OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { PATIENTLY } from '@weir/testkit/patience';
import { ERRORS, type ErrorCode } from '@weir/kernel/errors';
import { newVirtualKey } from '@weir/kernel/virtual-key';
import { MODEL, startTestProxy, type TestProxy } from './test-proxy.ts';
import {
  answerWith,
  completion,
  startTestUpstream,
  type Responder,
  type TestUpstream,
} from './test-upstream.ts';

/** Who reads the refusal. Each has models of its own, since a provider key that failed rests for a model. */
const READERS = ['problem', 'openai', 'anthropic'] as const;
type Reader = (typeof READERS)[number];

/** A request that is refused, and what is said about it. */
interface Denial {
  readonly code: ErrorCode;
  readonly key?: () => string;
  readonly proxy?: () => TestProxy;
  /** The name of the model begins so. */
  readonly model?: string;
  /** Put over a request that is right. */
  readonly body?: Readonly<Record<string, unknown>>;
  readonly path?: string;
  readonly method?: 'get';
  readonly headers?: Readonly<Record<string, string>>;
  readonly param?: string;
  /** Members of the problem beside those that every problem has. */
  readonly details?: object;
}

const keys: Record<string, string> = {};
let upstream: TestUpstream;
let proxy: TestProxy;
let stopping: TestProxy;
let withoutCounters: TestProxy;
const held: (() => void)[] = [];
/** Answers that are never read; once one is collected as garbage, its client hangs up. */
const unread: Promise<unknown>[] = [];

/** What is asked for decides how it is answered: at once, never, not before the end of the tests, or with a failure. */
const respond: Responder = async (req, res) => {
  if (req.body.includes('"silent-')) return;
  if (req.body.includes('"broken-')) return answerWith('{}', 500)(req, res);
  if (!req.body.includes('"held"')) return answerWith(completion())(req, res);
  res.writeHead(200, { 'content-type': 'application/json' });
  res.write(' ');
  await new Promise<void>((resolve) => held.push(resolve));
  res.end(completion());
};

const key = (name: string) => () => keys[name] ?? '';

const DENIALS: readonly Denial[] = [
  { code: 'PAYLOAD_TOO_LARGE', body: { user: 'x'.repeat(70_000) }, details: { limitBytes: 65_536 } },
  { code: 'MISSING_API_KEY', key: key('none') },
  { code: 'INVALID_API_KEY', key: key('unknown') },
  { code: 'API_KEY_REVOKED', key: key('revoked') },
  { code: 'API_KEY_EXPIRED', key: key('expired') },
  { code: 'INVALID_SIGNATURE', headers: { 'x-hmac-signature': '00' } },
  { code: 'ACCOUNT_SUSPENDED', key: key('suspended') },
  { code: 'IP_NOT_ALLOWED', key: key('elsewhere') },
  { code: 'PATH_NOT_ALLOWED', key: key('otherPath') },
  { code: 'INSUFFICIENT_SCOPE', key: key('readOnly') },
  { code: 'UNSUPPORTED_MEDIA_TYPE', headers: { 'content-encoding': 'gzip' } },
  { code: 'INVALID_REQUEST', body: { messages: 5 }, param: 'messages' },
  { code: 'MODEL_NOT_ALLOWED', key: key('otherModel'), param: 'model' },
  { code: 'MODEL_NOT_FOUND', model: 'unheard-of', param: 'model' },
  { code: 'NO_PROVIDER_KEY', model: 'elsewhere' },
  {
    code: 'RATE_LIMITED',
    key: key('limited'),
    details: { limitContext: { scope: 'apiKey', metric: 'requests', window: 'day', limit: 0, remaining: 0 } },
  },
  {
    code: 'CONCURRENCY_LIMITED',
    key: key('crowded'),
    details: { limitContext: { scope: 'apiKey', limit: 1 } },
  },
  {
    code: 'BUDGET_EXCEEDED',
    model: 'unaffordable',
    details: { budget: { name: 'Money', metric: 'COST', limit: '0.000000001', spent: '0', held: '0' } },
  },
  {
    code: 'QUOTA_EXCEEDED',
    model: 'rationed',
    details: { budget: { name: 'Tokens', metric: 'TOKENS', limit: '1', spent: '0', held: '0' } },
  },
  { code: 'INSUFFICIENT_CREDIT', key: key('poor'), details: { credit: { balance: '0' } } },
  { code: 'UPSTREAM_ERROR', model: 'broken' },
  { code: 'UPSTREAM_TIMEOUT', model: 'silent' },
  {
    code: 'DEPENDENCY_UNAVAILABLE',
    proxy: () => withoutCounters,
    key: () => withoutCounters.apiKey,
    model: 'unaffordable',
  },
  { code: 'SHUTTING_DOWN', proxy: () => stopping, key: () => stopping.apiKey },
  { code: 'REQUEST_IN_PROGRESS', key: key('crowded'), headers: { 'idempotency-key': 'held' } },
  { code: 'DUPLICATE_REQUEST', headers: { 'idempotency-key': 'answered' } },
  { code: 'NOT_FOUND', path: '/v1/nonsense' },
  { code: 'METHOD_NOT_ALLOWED', method: 'get' },
];

/** Codes of the other plane, and the one of no denial. */
const ELSEWHERE: readonly ErrorCode[] = [
  'UNAUTHENTICATED',
  'FORBIDDEN',
  'BAD_USER_INPUT',
  'CONFLICT',
  'INTERNAL',
];

async function addModels(to: TestProxy): Promise<void> {
  for (const prefix of ['good', 'elsewhere', 'unaffordable', 'rationed', 'broken', 'silent']) {
    for (const reader of READERS) await to.addModel(`${prefix}-${reader}`);
  }
  await to.addModel('held');
  // Messages go to keys of Anthropic's kind only, chats to either.
  await to.addProviderKey({ provider: 'anthropic' });
  const models = (prefix: string): string => JSON.stringify([`${prefix}-*`]);
  await to.addBudget({ name: 'Money', limit_amount: '1', models: models('unaffordable') });
  await to.addBudget({ name: 'Tokens', metric: 'TOKENS', limit_amount: '1', models: models('rationed') });
  await to.change(
    `update identity.accounts set level_mapper = '[{"pattern":"elsewhere-*","level":7}]' where id = $1`,
    [to.tenant.teamId],
  );
}

/** @returns The id of a new project below the team. */
async function addProject(status: string): Promise<string> {
  const { tenant, change } = proxy;
  const { rows } = await change<{ id: string }>(
    `insert into identity.accounts (id, organization_id, parent_id, dna, kind, name, status)
     select gen_random_uuid(), organization_id, id, dna || id || '.', 'PROJECT', 'Project', $2
     from identity.accounts where id = $1 returning id`,
    [tenant.teamId, status],
  );
  return rows[0]?.id ?? '';
}

async function addKeys(): Promise<void> {
  const poor = await addProject('ACTIVE');
  await proxy.insert('billing.credit_accounts', {
    account_id: poor,
    organization_id: proxy.tenant.organizationId,
    is_enforced: true,
    started_on: new Date(),
  });
  Object.assign(keys, {
    none: '',
    unknown: newVirtualKey(),
    revoked: await proxy.addApiKey({ status: 'REVOKED', revoked_at: new Date() }),
    expired: await proxy.addApiKey({ expires_at: new Date(Date.now() - 1_000) }),
    suspended: await proxy.addApiKey({ account_id: await addProject('SUSPENDED') }),
    poor: await proxy.addApiKey({ account_id: poor }),
    elsewhere: await proxy.addApiKey({ allow_ips: JSON.stringify(['10.0.0.0/8']) }),
    otherPath: await proxy.addApiKey({ resources: JSON.stringify(['/v1/embeddings']) }),
    readOnly: await proxy.addApiKey({ scopes: ['inference:read'] }),
    otherModel: await proxy.addApiKey({ allow_models: JSON.stringify(['other-*']) }),
    limited: await proxy.addApiKey({ limits: { requestsPerDay: 0 } }),
    crowded: await proxy.addApiKey({ limits: { concurrency: 1 } }),
  });
}

const HELD = { model: 'held', messages: [{ role: 'user', content: 'Hello' }] };
const PATHS = { problem: '/v1/chat/completions', openai: '/v1/chat/completions', anthropic: '/v1/messages' };

beforeAll(async () => {
  upstream = await startTestUpstream();
  upstream.respond(respond);
  const environment = { PROXY_FIRST_BYTE_TIMEOUT: '300ms' };
  proxy = await startTestProxy({ upstreamUrl: upstream.url, environment });
  // A request that is held holds its proxy up, too, until the tests are over.
  stopping = await startTestProxy({ upstreamUrl: upstream.url, environment: { PROXY_GRACE: '1m' } });
  withoutCounters = await startTestProxy({ upstreamUrl: upstream.url, redisUrl: 'redis://127.0.0.1:1' });
  for (const each of [proxy, stopping, withoutCounters]) await addModels(each);
  await addKeys();
  const named = { 'idempotency-key': 'held' };
  unread.push(
    proxy.post(PATHS.problem, HELD, { apiKey: keys['crowded'] ?? '', headers: named }).catch(() => undefined),
    stopping.post(PATHS.problem, HELD).catch(() => undefined),
  );
  await vi.waitUntil(() => held.length === 2, PATIENTLY);
  const answered = { ...HELD, model: MODEL };
  await proxy.post(PATHS.problem, answered, { headers: { 'idempotency-key': 'answered' } });
  void stopping.running.stop();
});

afterAll(async () => {
  for (const finish of held) finish();
  await Promise.all([proxy, stopping, withoutCounters].map((each) => each.stop()));
  await upstream.stop();
});

interface Sent {
  readonly url: string;
  readonly apiKey: string;
  readonly path: string;
  readonly method: 'get' | 'post';
  readonly body: object;
  readonly headers: Readonly<Record<string, string>>;
}

function requestOf(denial: Denial, reader: Reader): Sent {
  const target = denial.proxy?.() ?? proxy;
  return {
    url: target.url,
    apiKey: denial.key?.() ?? target.apiKey,
    path: denial.path ?? PATHS[reader],
    method: denial.method ?? 'post',
    body: {
      model: `${denial.model ?? 'good'}-${reader}`,
      messages: [{ role: 'user', content: 'Hello' }],
      max_tokens: 64,
      ...denial.body,
    },
    headers: denial.headers ?? {},
  };
}

/** What holds for the headers of every refusal. */
function expectHeaders(headers: Headers, { code }: Denial): void {
  expect(headers.get('content-type')).toBe('application/problem+json');
  expect(headers.get('x-request-id')).toMatch(/^req_[0-9a-z]{26}$/);
  expect(headers.has('retry-after')).toBe(ERRORS[code].retry === 'after');
  expect(headers.get('allow')).toBe(code === 'METHOD_NOT_ALLOWED' ? 'POST' : null);
}

/** What the errors of both official clients have. */
interface ClientFailure extends Error {
  readonly status: number | undefined;
  readonly headers: Headers | undefined;
  readonly requestID: string | null | undefined;
  readonly error: unknown;
}

/** Runs a client's call, which has to fail with its own class of errors. */
async function failureOf(
  call: Promise<unknown>,
  kind: abstract new (...args: never[]) => ClientFailure,
): Promise<ClientFailure> {
  const thrown: unknown = await call.then(
    () => new Error('it was served'),
    (error: unknown) => error,
  );
  if (!(thrown instanceof kind)) throw thrown;
  return thrown;
}

describe.each(DENIALS.map((denial) => [denial.code, denial] as const))('%s', (code, denial) => {
  const { status, title, openaiType } = ERRORS[code];

  it('as a reader of problems sees it', async () => {
    const { url, apiKey, path, method, body, headers } = requestOf(denial, 'problem');
    const answer = await fetch(url + path, {
      method: method.toUpperCase(),
      headers: { 'content-type': 'application/json', ...(apiKey ? { 'x-api-key': apiKey } : {}), ...headers },
      ...(method === 'get' ? {} : { body: JSON.stringify(body) }),
    });
    expect(answer.status).toBe(status);
    expectHeaders(answer.headers, denial);
    const problem = (await answer.json()) as Record<string, unknown>;
    expect(problem).toMatchObject({
      type: `/errors/${code}`,
      title,
      status,
      code,
      instance: answer.headers.get('x-request-id'),
      requestId: answer.headers.get('x-request-id'),
      error: { message: problem['detail'], type: openaiType, param: denial.param ?? null, code },
      ...denial.details,
    });
    // One sentence at least, for people.
    expect(problem['detail']).toMatch(/^[A-Z"/].{10,}\.$/s);
  });

  it("as OpenAI's client sees it", async () => {
    const { url, apiKey, path, method, body, headers } = requestOf(denial, 'openai');
    const client = new OpenAI({
      baseURL: url,
      apiKey: apiKey || 'unused',
      maxRetries: 0,
      defaultHeaders: { ...headers, ...(apiKey ? {} : { authorization: null }) },
    });
    const call = method === 'get' ? client.get(path) : client.post(path, { body });
    const failure = await failureOf(call, OpenAI.APIError);
    expect(failure).toMatchObject({ status, code, type: openaiType, param: denial.param ?? null });
    expect(failure.requestID).toBe(failure.headers?.get('x-request-id'));
    expect(failure.message).toContain(String(status));
    if (failure.headers) expectHeaders(failure.headers, denial);
  });

  it("as Anthropic's client sees it", async () => {
    const { url, apiKey, path, method, body, headers } = requestOf(denial, 'anthropic');
    const client = new Anthropic({
      baseURL: url,
      apiKey: apiKey || null,
      authToken: null,
      maxRetries: 0,
      defaultHeaders: { ...headers, ...(apiKey ? {} : { 'x-api-key': null, authorization: null }) },
    });
    const call = method === 'get' ? client.get(path) : client.post(path, { body });
    const failure = await failureOf(call, Anthropic.APIError);
    expect(failure.status).toBe(status);
    if (failure.headers) expectHeaders(failure.headers, denial);
    // A path that is nobody's has no dialect.
    if (denial.path !== undefined) return;
    expect(failure.requestID).toBe(failure.headers?.get('x-request-id'));
    expect(failure.error).toMatchObject({
      type: 'error',
      request_id: failure.requestID,
      error: { code, param: denial.param ?? null },
      status,
      code,
      ...denial.details,
    });
  });
});

it('every code that the proxy refuses with is in the table', () => {
  const known = [...new Set([...DENIALS.map(({ code }) => code), ...ELSEWHERE])].sort();
  expect(known).toEqual(Object.keys(ERRORS).sort());
});
