import { generateKeyPairSync } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Authenticated } from '@weir/contracts/internal-identity';
import { policySnapshotSchema, type SnapshotProviderKey } from '@weir/contracts/policy-snapshot';
import { parseCidr } from '@weir/kernel/cidr';
import { createDatabase, type Database } from '@weir/prisma/database';
import { startTestIdentity, type TestIdentity, type TestOrganization } from '../../test-identity.ts';
import { hashOfSecret } from '../api-keys/api-key.ts';
import { startTestProvider, type TestProvider } from './test-provider.ts';

const SECRET = 'sk-canary-provider-secret-0001';

let identity: TestIdentity;
let provider: TestProvider;
let proxy: Database;
let organization: TestOrganization;
let owner: Authenticated;

beforeAll(async () => {
  const loopback = parseCidr('127.0.0.0/8');
  identity = await startTestIdentity({ privateNetworks: loopback ? [loopback] : [] });
  provider = await startTestProvider();
  proxy = createDatabase({ url: identity.databaseUrl, role: 'weir_proxy', max: 1 });
  organization = await identity.organization();
  owner = await identity.ownerOf(organization);
});
afterAll(async () => {
  await proxy.$disconnect();
  await identity.stop();
  await provider.stop();
});

const KEY = `id name provider baseUrl level weight status disabledReason secretHint
  config { ... on OpenAiKeyConfig { models { pattern target } organization servesMessages }
           ... on AzureKeyConfig { deployments { pattern target } apiVersion apiVersions { operation apiVersion } }
           ... on VertexKeyConfig { project location } }
  lastTest { ok status message } states { model state until reason failures }`;
const ERRORS = 'userErrors { code message field }';

interface Key {
  readonly id: string;
  readonly [member: string]: unknown;
}
interface Payload {
  readonly providerKey: Key | null;
  readonly userErrors: readonly {
    readonly code: string;
    readonly message: string;
    readonly field: string[];
  }[];
  readonly test?: { readonly ok: boolean; readonly status: number | null; readonly message: string } | null;
  readonly deletedProviderKeyId?: string | null;
}

async function mutate(name: string, input: object, as = owner): Promise<Payload> {
  const Name = name.charAt(0).toUpperCase() + name.slice(1);
  const result =
    name === 'providerKeyDelete'
      ? 'deletedProviderKeyId'
      : `providerKey { ${KEY} } ${name === 'providerKeyTest' ? 'test { ok status message }' : ''}`;
  const answer = await identity.graphql(
    `mutation ($input: ${Name}Input!) { ${name}(input: $input) { ${result} ${ERRORS} } }`,
    { input },
    as,
  );
  if (!answer.data?.[name]) throw new Error(JSON.stringify(answer.errors));
  return answer.data[name] as Payload;
}

const addition = (extra: object = {}) => ({
  organizationId: organization.id,
  name: 'OpenAI',
  provider: 'OPENAI',
  secret: SECRET,
  level: 1,
  ...extra,
});

async function add(extra: object = {}): Promise<Key> {
  const { providerKey, userErrors } = await mutate('providerKeyAdd', addition(extra));
  if (!providerKey) throw new Error(JSON.stringify(userErrors));
  return providerKey;
}

const codes = ({ userErrors }: Payload) => userErrors.map(({ code }) => code);

/** What the proxies are told of the key now. */
async function served(id: string, apiKey: string): Promise<SnapshotProviderKey | undefined> {
  const rows = await proxy.$queryRaw<{ snapshot: unknown }[]>`
    select policy.snapshot(${new Uint8Array(hashOfSecret(apiKey))}) as snapshot`;
  const { providerKeys } = policySnapshotSchema.parse(rows[0]?.snapshot);
  const answer = await identity.graphql(
    'query ($id: ID!) { organization(id: $id) { providerKeys(first: 100) { nodes { id name } } } }',
    { id: organization.id },
    owner,
  );
  const { nodes } = (answer.data?.['organization'] as { providerKeys: { nodes: Key[] } }).providerKeys;
  const name = nodes.find((node) => node.id === id)?.['name'];
  return providerKeys.find((key) => key.name === name);
}

async function apiKey(
  scopes: readonly ('admin' | 'inference:write')[] = ['inference:write'],
  accountId = organization.rootAccountId,
) {
  const { organizationId } = organization;
  return identity.bootstrap.addApiKey({ organizationId, accountId, name: 'k', scopes });
}

describe('a provider key', () => {
  it('is added, serves at once, and is shown with the end of its secret alone', async () => {
    const { secret } = await apiKey();
    const key = await add({ name: 'Served', weight: 3, config: { openai: { servesMessages: true } } });
    expect(key).toMatchObject({
      baseUrl: 'https://api.openai.com/v1',
      status: 'ENABLED',
      secretHint: '0001',
      config: { servesMessages: true, models: [], organization: null },
      lastTest: null,
      states: [],
    });
    expect(JSON.stringify(key)).not.toContain(SECRET);
    expect(await served(key.id, secret)).toMatchObject({ weight: 3, config: { messages: true } });
  });

  it('is listed in the order of its making, by Level, provider and status', async () => {
    const mine = await identity.organization();
    const as = await identity.ownerOf(mine);
    for (const level of [1, 2, 1]) {
      await mutate(
        'providerKeyAdd',
        { ...addition({ level, name: `L${level}` }), organizationId: mine.id },
        as,
      );
    }
    const names = async (args: string) => {
      const answer = await identity.graphql(
        `query ($id: ID!) { organization(id: $id) { providerKeys${args} { nodes { name } pageInfo { hasNextPage } } } }`,
        { id: mine.id },
        as,
      );
      const { providerKeys } = answer.data?.['organization'] as {
        providerKeys: { nodes: { name: string }[] };
      };
      return providerKeys.nodes.map(({ name }) => name);
    };
    expect(await names('')).toEqual(['L1', 'L2', 'L1']);
    expect(await names('(level: 1, first: 1)')).toEqual(['L1']);
    expect(await names('(level: 2, provider: OPENAI, status: ENABLED)')).toEqual(['L2']);
    expect(await names('(provider: VERTEX)')).toEqual([]);
    expect(await names('(status: KILLED)')).toEqual([]);
  });

  it.each([
    [{ name: ' ' }, 'INVALID_NAME'],
    [{ level: -1 }, 'INVALID_LEVEL'],
    // As far as accounts, mappers and Switch Over can lead.
    [{ level: 9_999 }, undefined],
    [{ level: 10_000 }, 'INVALID_LEVEL'],
    [{ weight: 1_001 }, 'INVALID_WEIGHT'],
    [{ secret: 'sk-too-short-0123456' }, undefined],
    [{ secret: 'sk-too-short-012345' }, 'INVALID_SECRET'],
    [{ secret: 'sk-with a space in the middle' }, 'INVALID_SECRET'],
    [{ baseUrl: 'http://api.example.com/v1' }, 'INVALID_BASE_URL'],
    [{ baseUrl: 'https://10.0.0.1/v1' }, 'INVALID_BASE_URL'],
    [{ baseUrl: 'https://169.254.169.254/latest' }, 'INVALID_BASE_URL'],
    [{ provider: 'AZURE' }, 'INVALID_BASE_URL'],
    [{ config: { azure: {} } }, 'INVALID_CONFIG'],
    [{ config: { openai: { organization: 'two words' } } }, 'INVALID_CONFIG'],
    [
      { provider: 'VERTEX', secret: SECRET, config: { vertex: { project: 'p', location: 'us' } } },
      'INVALID_SECRET',
    ],
    [{ provider: 'VERTEX', secret: '{"type":"service_account"}' }, 'INVALID_CONFIG'],
  ])('with %j is %s', async (extra, code) => {
    const payload = await mutate('providerKeyAdd', addition(extra));
    if (code === undefined) expect(payload.userErrors).toEqual([]);
    else {
      expect(codes(payload)).toContain(code);
      expect(payload.providerKey).toBeNull();
    }
    expect(JSON.stringify(payload.userErrors)).not.toContain(SECRET);
  });

  it('of Azure and Vertex keeps what its kind needs', async () => {
    const azure = await add({
      provider: 'AZURE',
      baseUrl: 'https://mine.openai.azure.com',
      config: {
        azure: {
          deployments: [{ pattern: 'gpt-4o*', target: 'my-4o' }],
          apiVersion: '2024-10-21',
          apiVersions: [{ operation: 'images/generations', apiVersion: 'v1' }],
        },
      },
    });
    expect(azure['config']).toEqual({
      deployments: [{ pattern: 'gpt-4o*', target: 'my-4o' }],
      apiVersion: '2024-10-21',
      apiVersions: [{ operation: 'images/generations', apiVersion: 'v1' }],
    });
    const vertex = await add({
      provider: 'VERTEX',
      secret: serviceAccount('https://oauth2.googleapis.com/token'),
      config: { vertex: { project: 'p', location: 'europe-west1' } },
    });
    expect(vertex).toMatchObject({
      baseUrl: 'https://europe-west1-aiplatform.googleapis.com',
      secretHint: null,
      config: { project: 'p', location: 'europe-west1' },
    });
    const moved = await mutate('providerKeyUpdate', {
      id: vertex.id,
      config: { vertex: { project: 'p', location: 'us-east1' } },
    });
    expect(moved.providerKey).toMatchObject({ baseUrl: 'https://us-east1-aiplatform.googleapis.com' });
  });

  it('keeps its secret to the host that it was given for', async () => {
    const { secret } = await apiKey();
    const key = await add({ name: 'Hosted', baseUrl: 'https://api.example.com/v1' });
    const samePlace = await mutate('providerKeyUpdate', {
      id: key.id,
      baseUrl: 'https://api.example.com/v2',
    });
    expect(samePlace.providerKey).toMatchObject({ baseUrl: 'https://api.example.com/v2' });
    for (const baseUrl of ['https://evil.example.com/v1', 'https://api.example.com:8443/v1']) {
      expect(codes(await mutate('providerKeyUpdate', { id: key.id, baseUrl }))).toEqual(['SECRET_REQUIRED']);
    }
    const moved = await mutate('providerKeyReplace', {
      id: key.id,
      baseUrl: 'https://other.example.com/v1',
      secret: `${SECRET}-second`,
    });
    expect(moved.providerKey).toMatchObject({ baseUrl: 'https://other.example.com/v1', secretHint: 'cond' });
    expect((await served(key.id, secret))?.secret.version).toBe(2);
  });

  it('serves as its status says, from the next snapshot on, and a new secret enables a disabled one only', async () => {
    const { secret } = await apiKey();
    const key = await add({ name: 'Switched' });
    const set = (status: string, reason?: string) =>
      mutate('providerKeyStatusSet', { id: key.id, status, ...(reason ? { reason } : {}) });
    expect((await set('DEGRADED', 'slow')).providerKey).toMatchObject({ disabledReason: 'slow' });
    expect(await served(key.id, secret)).toMatchObject({ isDegraded: true });
    for (const status of ['DISABLED', 'KILLED']) {
      await set(status, 'leaked');
      expect(await served(key.id, secret)).toBeUndefined();
    }
    const replaced = await mutate('providerKeyReplace', { id: key.id, secret: `${SECRET}-second` });
    expect(replaced.providerKey).toMatchObject({ status: 'KILLED', disabledReason: 'leaked' });
    await set('DISABLED');
    const repaired = await mutate('providerKeyReplace', { id: key.id, secret: `${SECRET}-third` });
    expect(repaired.providerKey).toMatchObject({ status: 'ENABLED', disabledReason: null });
    expect((await served(key.id, secret))?.secret.version).toBe(3);
    expect(codes(await set('KILLED', 'x'.repeat(201)))).toEqual(['INVALID_REASON']);
    expect((await mutate('providerKeyDelete', { id: key.id })).deletedProviderKeyId).toBe(key.id);
    expect(await served(key.id, secret)).toBeUndefined();
    expect(codes(await mutate('providerKeyDelete', { id: key.id }))).toEqual(['NOT_FOUND']);
  });

  it('is nobody else’s: members without the permission, other organizations, programs below the root', async () => {
    const key = await add();
    const codeOf = async (as: Authenticated) => {
      const answer = await identity.graphql(
        'mutation ($input: ProviderKeyStatusSetInput!) { providerKeyStatusSet(input: $input) { userErrors { code } } }',
        { input: { id: key.id, status: 'KILLED' } },
        as,
      );
      const payload = answer.data?.['providerKeyStatusSet'] as Payload | undefined;
      return answer.errors?.[0]?.extensions.code ?? (payload ? codes(payload)[0] : undefined);
    };
    expect(await codeOf({ ...owner, permissions: ['org.read'] })).toBe('FORBIDDEN');
    expect(await codeOf({ ...owner, permissions: ['org.read', 'providerkey.read'] })).toBe('FORBIDDEN');
    expect(await codeOf(await identity.ownerOf(await identity.organization()))).toBe('NOT_FOUND');
    const { organizationId, rootAccountId: parentId } = organization;
    const team = await identity.bootstrap.addAccount({ organizationId, parentId, kind: 'TEAM', name: 'T' });
    const below = await apiKey(['admin'], team);
    expect(await codeOf(await identity.whoIs({ apiKey: below.secret }))).toBe('FORBIDDEN');
    const atRoot = await apiKey(['admin']);
    expect(await codeOf(await identity.whoIs({ apiKey: atRoot.secret }))).toBeUndefined();
  });
});

function serviceAccount(tokenUri: string): string {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2_048 });
  return JSON.stringify({
    type: 'service_account',
    client_email: 'weir@example.iam.gserviceaccount.com',
    private_key: privateKey.export({ type: 'pkcs8', format: 'pem' }),
    private_key_id: 'kid-1',
    token_uri: tokenUri,
  });
}

describe('a test of a provider key', () => {
  const test = async (extra: object) => {
    const key = await add(extra);
    const { test: result } = await mutate('providerKeyTest', { id: key.id });
    return { key, result };
  };

  it.each([
    ['OPENAI', '/v1', '/v1/models', 'authorization', `Bearer ${SECRET}`, {}],
    // As it is pasted.
    ['OPENAI', '/v1 \n', '/v1/models', 'authorization', `Bearer ${SECRET}`, {}],
    ['ANTHROPIC', '', '/v1/models?limit=1', 'x-api-key', SECRET, {}],
    ['AZURE', '/', '/openai/v1/models', 'api-key', SECRET, {}],
    [
      'AZURE',
      '',
      '/openai/models?api-version=2024-10-21',
      'api-key',
      SECRET,
      { azure: { apiVersion: '2024-10-21' } },
    ],
  ])('asks %s at "%s" for %s with its credential in %s', async (kind, base, path, header, value, config) => {
    provider.answer((res) => void res.end('{"data":[]}'));
    const { key, result } = await test({ provider: kind, baseUrl: provider.url + base, config });
    expect(result).toEqual({ ok: true, status: 200, message: 'The provider accepted the secret.' });
    expect(provider.received).toHaveLength(1);
    expect(provider.received[0]).toMatchObject({ method: 'GET', path, headers: { [header]: value } });
    const again = await mutate('providerKeyUpdate', { id: key.id, name: 'Tested' });
    expect(again.providerKey?.['lastTest']).toEqual(result);
    const replaced = await mutate('providerKeyReplace', { id: key.id, secret: `${SECRET}-2` });
    expect(replaced.providerKey?.['lastTest']).toBeNull();
  });

  it('exchanges a service account for a token first', async () => {
    provider.answer(
      (res, { path }) => void res.end(path === '/token' ? '{"access_token":"ya29.token"}' : '{}'),
    );
    const { result } = await test({
      provider: 'VERTEX',
      baseUrl: provider.url,
      secret: serviceAccount(`${provider.url}/token`),
      config: { vertex: { project: 'p', location: 'europe-west1' } },
    });
    expect(result?.ok).toBe(true);
    expect(provider.received.map(({ method, path }) => `${method} ${path}`)).toEqual([
      'POST /token',
      'GET /v1/projects/p/locations/europe-west1/models?pageSize=1',
    ]);
    expect(provider.received[1]?.headers.authorization).toBe('Bearer ya29.token');
    expect(new URLSearchParams(provider.received[0]?.body).get('assertion')).toMatch(
      /^[\w-]+\.[\w-]+\.[\w-]+$/,
    );
  });

  it.each([
    [401, { ok: false, status: 401, message: 'The provider refused the secret (401).' }],
    [
      404,
      {
        ok: false,
        status: 404,
        message: 'The provider knows no list of models there (404). Check the base URL.',
      },
    ],
    [
      302,
      { ok: false, status: 302, message: 'The provider answered with a redirect, which is never followed.' },
    ],
    [500, { ok: false, status: 500, message: 'The provider answered 500.' }],
  ])('that is answered %i says so in words of its own', async (status, expected) => {
    provider.answer(
      (res) => void res.writeHead(status, { location: `${provider.url}/elsewhere` }).end(SECRET),
    );
    const { result } = await test({ baseUrl: provider.url });
    expect(result).toEqual(expected);
    expect(provider.received).toHaveLength(1);
  });

  it('reads no more than it needs of an answer without end', async () => {
    provider.answer((res) => {
      const more = (): void => {
        while (!res.destroyed && res.write('x'.repeat(65_536)));
        if (!res.destroyed) res.once('drain', more);
      };
      more();
    });
    const { result } = await test({ baseUrl: provider.url });
    expect(result).toMatchObject({ ok: true, status: 200 });
  });

  it('says why nothing answered, and never calls a private address', async () => {
    provider.answer((res) => void res.destroy());
    expect((await test({ baseUrl: provider.url })).result).toEqual({
      ok: false,
      status: null,
      message: 'The provider could not be reached.',
    });
    const { result } = await test({ baseUrl: 'https://no-such-host.example.com/v1' });
    expect(result?.message).toBe('The name in the base URL does not resolve.');
    const key = await add();
    const db = createDatabase({ url: identity.databaseUrl, role: 'weir_identity', max: 1 });
    await db.$transaction([
      db.$executeRaw`select set_config('app.organization_id', ${organization.organizationId}, true)`,
      db.providerKey.updateMany({
        where: { name: key['name'] as string },
        data: { baseUrl: 'https://10.0.0.1/v1' },
      }),
    ]);
    await db.$disconnect();
    const { test: refused } = await mutate('providerKeyTest', { id: key.id });
    expect(refused?.message).toBe('The base URL does not lead to a public address, so it was not called.');
  });
});
