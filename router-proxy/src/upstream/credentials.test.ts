import { generateKeyPairSync, verify } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { parseCidr } from '@weir/kernel/cidr';
import { createLogger } from '@weir/service/logger';
import { createOutboundGuard } from '@weir/service/outbound-guard';
import { aProviderKey } from '../test-policy.ts';
import { createCredentials, type Credentials } from './credentials.ts';
import { createTokenExchange } from './google-token.ts';
import { createOriginPools } from './origin-pools.ts';
import { compileProviderTarget, type ProviderTarget } from './provider-target.ts';
import { createTokenCache } from './token-cache.ts';

const { privateKey, publicKey } = generateKeyPairSync('rsa', {
  modulusLength: 2_048,
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  publicKeyEncoding: { type: 'spki', format: 'pem' },
});

type Answer = (form: URLSearchParams, res: ServerResponse) => void;

const token = (text: string, seconds = 3_600): Answer => {
  return (_, res) => void res.end(JSON.stringify({ access_token: text, expires_in: seconds }));
};
const refusal = (status: number, body = '{"error":"invalid_grant"}'): Answer => {
  return (_, res) => void res.writeHead(status).end(body);
};

let forms: URLSearchParams[] = [];
let answer: Answer = token('t');
const server = createServer((req: IncomingMessage, res) => {
  void (async () => {
    let body = '';
    for await (const part of req as AsyncIterable<Buffer>) body += part.toString();
    const form = new URLSearchParams(body);
    forms.push(form);
    answer(form, res);
  })();
});
let tokenUri = '';
const loopback = parseCidr('127.0.0.0/8');
const guard = createOutboundGuard({ privateNetworks: loopback ? [loopback] : [] });
const pools = createOriginPools({ guard, connectTimeoutMs: 500, headersTimeoutMs: 300, idleTimeoutMs: 300 });

beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (typeof address !== 'object' || !address) throw new Error('no port');
  tokenUri = `http://127.0.0.1:${address.port}/token`;
});

afterEach(() => {
  forms = [];
});

afterAll(async () => {
  await pools.close();
  server.closeAllConnections();
  await new Promise<void>((resolve) => server.close(() => resolve()));
});

const LOG = createLogger({ service: 'test', level: 'silent' });

function rig(keyFile: () => string, usedPools = pools) {
  let nowMs = 1_767_225_600_000;
  const clock = { now: () => nowMs };
  const credentials = createCredentials({
    openSecret: keyFile,
    tokens: createTokenCache(createTokenExchange(usedPools, clock), clock),
    log: LOG,
  });
  return { credentials, wait: (ms: number) => void (nowMs += ms) };
}

function keyFile(parts: object = {}): string {
  const account = {
    type: 'service_account',
    client_email: 'weir@p.iam.gserviceaccount.com',
    private_key: privateKey,
    private_key_id: 'key-1',
    token_uri: tokenUri,
  };
  return JSON.stringify({ ...account, ...parts });
}

function vertexTarget(nonce = 'n'): ProviderTarget {
  const key = aProviderKey({
    provider: 'vertex',
    config: { project: 'p', location: 'global' },
    secret: { ciphertext: '', nonce, version: 1 },
  });
  const target = compileProviderTarget(key);
  if (!target) throw new Error('the key does not compile');
  return target;
}

const ask = async (credentials: Credentials, target: ProviderTarget) =>
  credentials.of(target, 'service-account');

function isSignedByUs(assertion: string): boolean {
  const [header = '', claims = '', signature = ''] = assertion.split('.');
  return verify(
    'RSA-SHA256',
    Buffer.from(`${header}.${claims}`),
    publicKey,
    Buffer.from(signature, 'base64url'),
  );
}

describe("a service account's token", () => {
  it('is asked for with a signed assertion for the token endpoint and nothing wider', async () => {
    answer = token('ya29.first');
    const { credentials } = rig(keyFile);
    expect(await ask(credentials, vertexTarget())).toEqual({
      ok: true,
      value: { name: 'authorization', value: 'Bearer ya29.first' },
    });
    const assertion = forms[0]?.get('assertion') ?? '';
    expect(forms[0]?.get('grant_type')).toBe('urn:ietf:params:oauth:grant-type:jwt-bearer');
    expect(isSignedByUs(assertion)).toBe(true);
    const [header = '', claims = ''] = assertion
      .split('.')
      .map((part) => Buffer.from(part, 'base64url').toString());
    expect(JSON.parse(header)).toEqual({ alg: 'RS256', typ: 'JWT', kid: 'key-1' });
    expect(JSON.parse(claims)).toEqual({
      iss: 'weir@p.iam.gserviceaccount.com',
      scope: 'https://www.googleapis.com/auth/cloud-platform',
      aud: tokenUri,
      iat: 1_767_225_600,
      exp: 1_767_229_200,
    });
  });

  it('is fetched once for all requests that wait for it, and once more shortly before it expires', async () => {
    answer = token('t', 3_600);
    const { credentials, wait } = rig(keyFile);
    const target = vertexTarget();
    await Promise.all(Array.from({ length: 20 }, () => ask(credentials, target)));
    expect(forms).toHaveLength(1);
    wait(3_539_000);
    expect(credentials.of(target, 'service-account')).not.toBeInstanceOf(Promise);
    wait(1_000);
    answer = token('next');
    expect(await ask(credentials, target)).toMatchObject({ value: { value: 'Bearer next' } });
    expect(forms).toHaveLength(2);
  });

  it('belongs to one secret, and is not used again once the provider refused it', async () => {
    answer = token('old');
    const { credentials } = rig(keyFile);
    const target = vertexTarget();
    await ask(credentials, target);
    answer = token('new');
    expect(await ask(credentials, { ...target, key: { ...target.key, secret: { ...target.key.secret, nonce: 'm' } } })).toMatchObject({ value: { value: 'Bearer new' } }); // prettier-ignore
    credentials.refused(target);
    expect(await ask(credentials, target)).toMatchObject({ value: { value: 'Bearer new' } });
  });

  it.each([
    [400, { kind: 'refused', status: 400 }],
    [401, { kind: 'refused', status: 401 }],
    [429, { kind: 'throttled', status: 429 }],
    [503, { kind: 'broken', status: 503 }],
  ])('that is refused with %d is a failure of the key, and is asked for anew', async (status, failure) => {
    answer = refusal(status);
    const { credentials } = rig(keyFile);
    const target = vertexTarget();
    expect(await ask(credentials, target)).toMatchObject({ ok: false, error: failure });
    answer = token('t');
    expect(await ask(credentials, target)).toMatchObject({ ok: true });
  });

  it("that is refused for its time says nothing of the key but of this machine's clock", async () => {
    const description = 'Invalid JWT: Token must be a short-lived token and in a reasonable timeframe.';
    answer = refusal(400, JSON.stringify({ error: 'invalid_grant', error_description: description }));
    const { credentials } = rig(keyFile);
    expect(await ask(credentials, vertexTarget())).toEqual({ ok: false, error: { kind: 'unusable' } });
  });

  it.each([
    ['a page', refusal(200, '<html>')],
    ['a token that would break out of its header', token('t\r\nx-injected: 1')],
    ['a page without end', (_: unknown, res: ServerResponse) => void res.end('x'.repeat(1_000_000))],
  ] as [string, Answer][])('is not %s', async (_, bad) => {
    answer = bad;
    const { credentials } = rig(keyFile);
    expect(await ask(credentials, vertexTarget())).toMatchObject({ ok: false, error: { kind: 'broken' } });
  });

  it('that never comes is a time-out of a request which was not sent', async () => {
    answer = () => undefined;
    const { credentials } = rig(keyFile);
    expect(await ask(credentials, vertexTarget())).toEqual({
      ok: false,
      error: { kind: 'timeout', wasSent: false },
    });
  });

  it('is not asked for at an address in the operator’s network', async () => {
    const strict = createOriginPools({
      guard: createOutboundGuard({ privateNetworks: [] }),
      connectTimeoutMs: 500,
      headersTimeoutMs: 300,
      idleTimeoutMs: 300,
    });
    const { credentials } = rig(keyFile, strict);
    expect(await ask(credentials, vertexTarget())).toMatchObject({
      ok: false,
      error: { kind: 'unreachable', errorCode: 'OUTBOUND_ADDRESS_REFUSED' },
    });
    expect(forms).toHaveLength(0);
    await strict.close();
  });

  it.each([
    ['no JSON', () => 'sk-no-json'],
    ['no service account', () => keyFile({ type: 'authorized_user' })],
    ['no private key', () => keyFile({ private_key: 'PRIVATE KEY of nothing' })],
    [
      'what does not open',
      () => {
        throw new Error('does not open');
      },
    ],
  ])('cannot come of a secret that is %s', async (_, secret) => {
    const { credentials } = rig(secret);
    expect(await ask(credentials, vertexTarget())).toEqual({
      ok: false,
      error: { kind: 'unusable' },
    });
    expect(forms).toHaveLength(0);
  });
});

describe('a key', () => {
  it.each([
    ['bearer', { name: 'authorization', value: 'Bearer s' }],
    ['api-key', { name: 'api-key', value: 's' }],
    ['x-api-key', { name: 'x-api-key', value: 's' }],
  ] as const)('is shown as %s at once', (form, value) => {
    const { credentials } = rig(() => 's');
    expect(credentials.of(vertexTarget(), form)).toEqual({ ok: true, value });
  });
});
