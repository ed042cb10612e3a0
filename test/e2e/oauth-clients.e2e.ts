import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sendGraphql, signIn, type Session } from './src/graphql.ts';
import { startPlatform, type Platform } from './src/platform.ts';
import { until } from './src/until.ts';

let platform: Platform;
let owner: Session;
let tokenUrl: string;

beforeAll(async () => {
  platform = await startPlatform('embedded');
  owner = await signIn(platform.access);
  tokenUrl = new URL('/oauth2/token', platform.access.graphqlUrl).href;
});
afterAll(() => platform[Symbol.asyncDispose]());

interface Client {
  readonly client: { readonly id: string; readonly scopes: readonly string[] };
  readonly clientSecret: string;
  readonly userErrors: readonly { readonly code: string }[];
}

interface TokenAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: { readonly access_token?: string; readonly scope?: string; readonly error?: string };
}

const CREATE = `mutation ($input: OAuthClientCreateInput!) {
  oauthClientCreate(input: $input) { client { id scopes } clientSecret userErrors { code } }
}`;

async function createClient(scopes: readonly string[] = ['ANALYTICS_READ', 'ADMIN']): Promise<Client> {
  const input = { organizationId: platform.access.organizationId, name: 'Dashboard', scopes };
  return (await owner.ask<{ oauthClientCreate: Client }>(CREATE, { input })).oauthClientCreate;
}

async function ask(
  form: Record<string, string> | string,
  authorization?: string,
  path = '/oauth2/token',
): Promise<TokenAnswer> {
  const response = await fetch(new URL(path, tokenUrl), {
    method: 'POST',
    headers: {
      'content-type': 'application/x-www-form-urlencoded',
      ...(authorization === undefined ? {} : { authorization }),
    },
    body: typeof form === 'string' ? form : new URLSearchParams(form).toString(),
    signal: AbortSignal.timeout(60_000),
  });
  const text = await response.text();
  return {
    status: response.status,
    headers: response.headers,
    body: (text === '' ? {} : JSON.parse(text)) as TokenAnswer['body'],
  };
}

const basic = ({ client, clientSecret }: Client): string =>
  `Basic ${Buffer.from(`${client.id}:${clientSecret}`).toString('base64')}`;
const inBody = ({ client, clientSecret }: Client) => ({ client_id: client.id, client_secret: clientSecret });
const GRANT = { grant_type: 'client_credentials' };
const VIEWER =
  '{ viewer { user { id } apiKey { id } oauthClient { id name } organization { id } permissions } }';

interface Viewer {
  readonly oauthClient: { readonly id: string } | null;
  readonly permissions: readonly string[];
}

async function viewerOf(token: string): Promise<Viewer | undefined> {
  const answer = await sendGraphql(platform.access.graphqlUrl, VIEWER, {}, token);
  return answer.data?.['viewer'] as Viewer | undefined;
}

describe('a program of a third party', () => {
  it('finds the token endpoint, gets a token in both ways, and acts as itself', async () => {
    const metadata = new URL('/.well-known/oauth-authorization-server', tokenUrl);
    expect(await (await fetch(metadata)).json()).toMatchObject({
      token_endpoint: expect.stringMatching(/\/oauth2\/token$/) as string,
      grant_types_supported: ['client_credentials'],
      token_endpoint_auth_methods_supported: ['client_secret_basic', 'client_secret_post'],
      introspection_endpoint: expect.stringMatching(/\/oauth2\/introspect$/) as string,
      revocation_endpoint: expect.stringMatching(/\/oauth2\/revoke$/) as string,
    });
    const client = await createClient();
    expect(client.client.scopes).toEqual(['ANALYTICS_READ', 'ADMIN']);
    for (const answer of [await ask(GRANT, basic(client)), await ask({ ...GRANT, ...inBody(client) })]) {
      expect(answer).toMatchObject({
        status: 200,
        body: { token_type: 'Bearer', expires_in: 3_600, scope: 'analytics:read admin' },
      });
      expect(answer.headers.get('cache-control')).toBe('no-store');
      expect(await viewerOf(answer.body.access_token ?? '')).toMatchObject({
        user: null,
        apiKey: null,
        oauthClient: { id: client.client.id, name: 'Dashboard' },
        organization: { id: platform.access.organizationId },
      });
    }
  });

  it('may do less with a narrower token, and nothing with a wider one', async () => {
    const both = await createClient();
    const narrow = await ask({ ...GRANT, scope: 'analytics:read' }, basic(both));
    expect(narrow.body.scope).toBe('analytics:read');
    const permissions = (await viewerOf(narrow.body.access_token ?? ''))?.permissions;
    expect(permissions).toContain('usage.read');
    expect(permissions).not.toContain('apikey.create');
    const denied = await sendGraphql(
      platform.access.graphqlUrl,
      `mutation ($id: ID!) { apiKeyCreate(input: { organizationId: $id, name: "x" }) { secret } }`,
      { id: platform.access.organizationId },
      narrow.body.access_token,
    );
    expect(denied.errors?.[0]?.extensions?.code).toBe('FORBIDDEN');
    const reader = await createClient(['ANALYTICS_READ']);
    for (const scope of ['admin', 'analytics:read admin', 'nonsense', ' ']) {
      expect(await ask({ ...GRANT, scope }, basic(reader))).toMatchObject({
        status: 400,
        body: { error: 'invalid_scope' },
      });
    }
  });

  it('cannot create, change or revoke clients itself', async () => {
    const token = (await ask(GRANT, basic(await createClient()))).body.access_token;
    const input = { organizationId: platform.access.organizationId, name: 'Another', scopes: ['ADMIN'] };
    const answer = await sendGraphql(platform.access.graphqlUrl, CREATE, { input }, token);
    expect(answer.data?.['oauthClientCreate']).toMatchObject({
      client: null,
      clientSecret: null,
      userErrors: [{ code: 'NOT_A_PERSON' }],
    });
  });

  it('loses its tokens with its secret, and for good when it is revoked', async () => {
    const client = await createClient();
    const token = (await ask(GRANT, basic(client))).body.access_token ?? '';
    const change = <T>(field: string, type: string, selection: string) =>
      owner.ask<Record<string, T>>(
        `mutation ($input: ${type}!) { ${field}(input: $input) { ${selection} } }`,
        {
          input: { id: client.client.id },
        },
      );
    const rotated = await change<{ clientSecret: string }>(
      'oauthClientSecretRotate',
      'OAuthClientSecretRotateInput',
      'clientSecret userErrors { code }',
    );
    await until('the token of the former secret to end', async () =>
      (await viewerOf(token)) ? undefined : true,
    );
    expect(await ask(GRANT, basic(client))).toMatchObject({ status: 401, body: { error: 'invalid_client' } });
    const next = { ...client, clientSecret: rotated['oauthClientSecretRotate']?.clientSecret ?? '' };
    const fresh = (await ask(GRANT, basic(next))).body.access_token ?? '';
    expect((await viewerOf(fresh))?.oauthClient?.id).toBe(client.client.id);
    await change('oauthClientRevoke', 'OAuthClientRevokeInput', 'client { revokedAt } userErrors { code }');
    await until('the tokens of a revoked client to end', async () =>
      (await viewerOf(fresh)) ? undefined : true,
    );
    expect(await ask(GRANT, basic(next))).toMatchObject({ status: 401, body: { error: 'invalid_client' } });
  });
});

describe('a token', () => {
  const introspect = (of: Client, token: string) =>
    ask({ token, token_type_hint: 'access_token' }, basic(of), '/oauth2/introspect');
  const revoke = (of: Client, token: string) => ask({ token, ...inBody(of) }, undefined, '/oauth2/revoke');
  const tokenOf = async (client: Client, scope?: string): Promise<string> =>
    (await ask({ ...GRANT, ...(scope === undefined ? {} : { scope }) }, basic(client))).body.access_token ??
    '';

  it('tells its client what it is good for', async () => {
    const client = await createClient();
    const before = Math.floor(Date.now() / 1_000);
    const answer = await introspect(client, await tokenOf(client, 'analytics:read'));
    expect(answer.status).toBe(200);
    expect(answer.headers.get('cache-control')).toBe('no-store');
    const { exp, iat, ...told } = answer.body as { readonly exp: number; readonly iat: number };
    expect(told).toEqual({
      active: true,
      client_id: client.client.id,
      sub: client.client.id,
      scope: 'analytics:read',
      token_type: 'Bearer',
      iss: expect.stringMatching(/^http/) as string,
    });
    expect(exp - iat).toBe(3_600);
    expect(iat).toBeGreaterThanOrEqual(before);
  });

  it('ends when its client revokes it, alone, and can be revoked again', async () => {
    const client = await createClient();
    const [revoked, other] = [await tokenOf(client), await tokenOf(client)];
    expect((await viewerOf(revoked))?.oauthClient?.id).toBe(client.client.id);
    for (let time = 0; time < 2; time++) {
      expect(await revoke(client, revoked)).toMatchObject({ status: 200, body: {} });
    }
    expect((await introspect(client, revoked)).body).toEqual({ active: false });
    await until('the revoked token to end', async () => ((await viewerOf(revoked)) ? undefined : true));
    expect((await introspect(client, other)).body).toMatchObject({ active: true });
    expect((await viewerOf(other))?.oauthClient?.id).toBe(client.client.id);
    expect((await introspect(client, await tokenOf(client))).body).toMatchObject({ active: true });
  });

  it('is nobody’s business but its client’s: others learn and end nothing', async () => {
    const [client, stranger] = [await createClient(), await createClient()];
    const token = await tokenOf(client);
    const altered = `${token.slice(0, -2)}${token.endsWith('AA') ? 'BB' : 'AA'}`;
    for (const text of [token, altered, owner.accessToken, 'no token', 'x.y.z', '\u0000']) {
      expect(await introspect(stranger, text)).toMatchObject({ status: 200, body: { active: false } });
      expect((await introspect(stranger, text)).body).toEqual({ active: false });
      expect(await revoke(stranger, text)).toMatchObject({ status: 200, body: {} });
    }
    expect((await introspect(client, token)).body).toMatchObject({ active: true });
    expect((await viewerOf(token))?.oauthClient?.id).toBe(client.client.id);
    expect((await owner.send('{ viewer { user { id } } }')).errors).toBeUndefined();
  });

  it.each(['/oauth2/introspect', '/oauth2/revoke'])(
    'at %s needs a client that proves itself, and a token',
    async (path) => {
      const client = await createClient();
      const token = await tokenOf(client);
      const cases: readonly (readonly [Record<string, string>, string | undefined, number, string])[] = [
        [{ token }, undefined, 401, 'invalid_client'],
        [{ token, client_id: client.client.id, client_secret: 'wrong' }, undefined, 401, 'invalid_client'],
        [{ token }, `Bearer ${token}`, 401, 'invalid_client'],
        [{}, basic(client), 400, 'invalid_request'],
        [{ token: '' }, basic(client), 400, 'invalid_request'],
        [{ token, ...inBody(client) }, basic(client), 400, 'invalid_request'],
      ];
      for (const [body, authorization, status, error] of cases) {
        const answer = await ask(body, authorization, path);
        expect({ body, status: answer.status, error: answer.body.error }).toEqual({ body, status, error });
      }
      expect((await viewerOf(token))?.oauthClient?.id).toBe(client.client.id);
    },
  );
});

describe('the token endpoint', () => {
  it('answers what is wrong as RFC 6749 has it', async () => {
    const client = await createClient();
    const form = { ...GRANT, ...inBody(client) };
    const cases: readonly (readonly [Record<string, string> | string, string | undefined, number, string])[] =
      [
        [{}, basic(client), 400, 'invalid_request'],
        [{ grant_type: 'password' }, basic(client), 400, 'unsupported_grant_type'],
        [GRANT, undefined, 401, 'invalid_client'],
        [GRANT, 'Basic !!!', 401, 'invalid_client'],
        [GRANT, 'Bearer x', 401, 'invalid_client'],
        [{ ...form, client_secret: 'wrong' }, undefined, 401, 'invalid_client'],
        [{ ...form, client_id: 'oac_nobody' }, undefined, 401, 'invalid_client'],
        [form, basic(client), 400, 'invalid_request'],
        [
          `${new URLSearchParams(form).toString()}&grant_type=client_credentials`,
          undefined,
          400,
          'invalid_request',
        ],
      ];
    for (const [body, authorization, status, error] of cases) {
      const answer = await ask(body, authorization);
      expect({ body, status: answer.status, error: answer.body.error }).toEqual({ body, status, error });
      expect(JSON.stringify(answer.body)).not.toContain(client.clientSecret);
      if (status === 401) expect(answer.headers.get('www-authenticate')).toMatch(/^Basic/);
    }
  });

  it('stops answering a network address that guesses', async () => {
    const client = await createClient();
    const guess = (n: number) => ask({ ...GRANT, ...inBody(client), client_secret: `guess ${n}` });
    let answer = await guess(0);
    for (let n = 1; n <= 150 && answer.status !== 429; n++) answer = await guess(n);
    expect(answer.status).toBe(429);
    expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
    expect((await ask(GRANT, basic(client))).status).toBe(429);
  });
});
