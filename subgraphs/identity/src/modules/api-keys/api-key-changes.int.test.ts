import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Authenticated } from '@weir/contracts/internal-identity';
import { encodeId } from '@weir/kernel/ids';
import { startTestIdentity, type TestIdentity, type TestOrganization } from '../../test-identity.ts';

const DAY_MS = 86_400_000;

let identity: TestIdentity;
let organization: TestOrganization;
let owner: Authenticated;

beforeAll(async () => {
  identity = await startTestIdentity();
});
afterAll(() => identity.stop());
beforeEach(async () => {
  organization = await identity.organization();
  owner = await identity.ownerOf(organization);
});

const KEY = `id name last4 status version scopes expiresAt disconnectPolicy environment hasSigningSecret requiresSignature
  replaces { id } account { id } access { allowIps allowModels resources allowLevels } effectiveAccess { allowModels allowLevels }
  limits { requestsPerMinute tokensPerMinute } modelLimits { pattern limits { requestsPerMinute } }`;

interface Key {
  readonly id: string;
  readonly last4: string;
  readonly version: number;
  readonly status: string;
  readonly expiresAt: string | null;
}

interface Payload {
  readonly apiKey: Key & Readonly<Record<string, unknown>>;
  readonly replaced: Key;
  readonly secret: string;
  readonly signingSecret: string;
  readonly userErrors: readonly { code: string; field: string[] | null; message: string }[];
}

const SHOWN: Readonly<Record<string, string>> = {
  apiKeyCreate: 'secret',
  apiKeyRotate: `secret replaced { ${KEY} }`,
  apiKeySigningSecretCreate: 'signingSecret',
};

async function run(name: string, input: object, as = owner): Promise<Payload> {
  const type = `${name.charAt(0).toUpperCase()}${name.slice(1)}Input!`;
  const answer = await identity.graphql(
    `mutation ($input: ${type}) { ${name}(input: $input) { apiKey { ${KEY} } ${SHOWN[name] ?? ''} userErrors { code field message } } }`,
    { input },
    as,
  );
  if (answer.errors) throw Object.assign(new Error(answer.errors[0]?.message), answer.errors[0]?.extensions);
  return answer.data?.[name] as Payload;
}

async function create(input: object = {}): Promise<Payload> {
  const payload = await run('apiKeyCreate', { organizationId: organization.id, name: 'key', ...input });
  expect(payload.userErrors).toEqual([]);
  return payload;
}

async function narrowTeam(): Promise<string> {
  const answer = await identity.graphql(
    `mutation ($input: AccountCreateInput!) { accountCreate(input: $input) { account { id } userErrors { code } } }`,
    {
      input: {
        parentId: encodeId('account', organization.rootAccountId),
        kind: 'TEAM',
        name: 'Team',
        access: { allowModels: { set: ['gpt-*'] }, allowLevels: { set: [1, 2] } },
        limits: { requestsPerMinute: 10 },
      },
    },
    owner,
  );
  return (answer.data?.['accountCreate'] as { account: { id: string } }).account.id;
}

const statusOfSecret = async (apiKey: string) => (await identity.authenticate({ apiKey })).status;

describe('an API key', () => {
  it('is created with everything that it can have', async () => {
    const accountId = await narrowTeam();
    const { apiKey } = await create({
      accountId,
      environment: 'STAGING',
      disconnectPolicy: 'DRAIN',
      access: {
        allowModels: { set: ['gpt-4o'] },
        allowIps: { apply: '10.0.0.0/8' },
        allowLevels: { set: [2] },
      },
      limits: { requestsPerMinute: 10, tokensPerMinute: '90000' },
      modelLimits: [{ pattern: 'gpt-4*', limits: { requestsPerMinute: 3 } }],
    });
    expect(apiKey).toMatchObject({
      version: 1,
      environment: 'STAGING',
      disconnectPolicy: 'DRAIN',
      access: { allowModels: ['gpt-4o'], allowIps: ['10.0.0.0/8'], resources: null, allowLevels: [2] },
      effectiveAccess: { allowModels: ['gpt-4o'], allowLevels: [2] },
      limits: { requestsPerMinute: 10, tokensPerMinute: '90000' },
      modelLimits: [{ pattern: 'gpt-4*', limits: { requestsPerMinute: 3 } }],
      hasSigningSecret: false,
      requiresSignature: false,
      replaces: null,
    });
  });

  it('cannot allow more than its account', async () => {
    const input = {
      organizationId: organization.id,
      accountId: await narrowTeam(),
      name: 'wide',
      access: { allowModels: { set: ['o1'] }, allowLevels: { set: [3] } },
      limits: { requestsPerMinute: 11 },
    };
    const { apiKey, userErrors } = await run('apiKeyCreate', input);
    expect(apiKey).toBeNull();
    expect(userErrors.map(({ code, field }) => [code, field?.join('.')])).toEqual([
      ['BEYOND_PARENT', 'access.allowModels'],
      ['BEYOND_PARENT', 'access.allowLevels'],
      ['ABOVE_PARENT', 'limits.requestsPerMinute'],
    ]);
  });

  it('changes in what is named and keeps the rest, unless somebody was faster', async () => {
    const { apiKey } = await create({ limits: { requestsPerMinute: 5 }, expiresAt: inDays(90) });
    const changed = await run('apiKeyUpdate', {
      id: apiKey.id,
      expectedVersion: 1,
      scopes: ['inference:read'],
      environment: 'DEVELOPMENT',
      access: { allowModels: { apply: 'gpt-4o' } },
    });
    expect(changed.apiKey).toMatchObject({
      version: 2,
      name: 'key',
      scopes: ['inference:read'],
      environment: 'DEVELOPMENT',
      expiresAt: apiKey.expiresAt,
      access: { allowModels: ['gpt-4o'] },
      limits: { requestsPerMinute: 5 },
    });
    const stale = await run('apiKeyUpdate', { id: apiKey.id, expectedVersion: 1, limits: null });
    expect(stale).toMatchObject({ apiKey: null, userErrors: [{ code: 'CONFLICT' }] });
    const endless = await run('apiKeyUpdate', { id: apiKey.id, expiresAt: null });
    expect(endless.apiKey.expiresAt).toBeNull();
  });

  it('keeps its name: there is no member to change it', async () => {
    const { apiKey } = await create();
    await expect(run('apiKeyUpdate', { id: apiKey.id, name: 'other' })).rejects.toMatchObject({
      code: 'BAD_USER_INPUT',
    });
  });

  it('is changed no more once it is revoked', async () => {
    const { apiKey } = await create();
    await run('apiKeyRevoke', { id: apiKey.id });
    for (const name of ['apiKeyUpdate', 'apiKeyRotate', 'apiKeySigningSecretCreate']) {
      expect((await run(name, { id: apiKey.id })).userErrors).toMatchObject([{ code: 'REVOKED' }]);
    }
  });

  it('of another organization is not found, and nothing is permitted without the permission', async () => {
    const { apiKey } = await create();
    const stranger = await identity.ownerOf(await identity.organization());
    for (const name of [
      'apiKeyUpdate',
      'apiKeyRotate',
      'apiKeySigningSecretCreate',
      'apiKeySigningSecretRemove',
    ]) {
      expect((await run(name, { id: apiKey.id }, stranger)).userErrors).toMatchObject([
        { code: 'NOT_FOUND' },
      ]);
      await expect(
        run(name, { id: apiKey.id }, { ...owner, permissions: ['apikey.read'] }),
      ).rejects.toMatchObject({ code: 'FORBIDDEN' });
    }
  });
});

describe('apiKeyRotate', () => {
  it('gives a successor with another secret and everything else, and both work until the overlap ends', async () => {
    const { apiKey, secret } = await create({
      scopes: ['analytics:read'],
      environment: 'STAGING',
      access: { allowModels: { set: ['gpt-*'] } },
      limits: { requestsPerMinute: 5 },
      expiresAt: inDays(90),
    });
    identity.advance(10 * DAY_MS);
    const rotated = await run('apiKeyRotate', { id: apiKey.id, overlapSeconds: 3_600 });
    const { id: _id, last4: _last4, replaces: _replaces, expiresAt, version: _version, ...same } = apiKey;
    expect(rotated.apiKey).toMatchObject({ ...same, replaces: { id: apiKey.id }, version: 1 });
    expect(rotated.secret).not.toBe(secret);
    expect(rotated.replaced).toMatchObject({ id: apiKey.id, status: 'ACTIVE', version: 2 });
    // The successor lives as long as the old key was meant to.
    expect(lifeDays(rotated.apiKey.expiresAt)).toBe(lifeDays(expiresAt) + 10);
    expect([await statusOfSecret(secret), await statusOfSecret(rotated.secret)]).toEqual([200, 200]);
    identity.advance(3_600_000);
    expect([await statusOfSecret(secret), await statusOfSecret(rotated.secret)]).toEqual([401, 200]);
  });

  it('ends the old key at once without an overlap', async () => {
    const { apiKey, secret } = await create();
    const rotated = await run('apiKeyRotate', { id: apiKey.id, overlapSeconds: 0 });
    expect(rotated.replaced.status).toBe('EXPIRED');
    expect([await statusOfSecret(secret), await statusOfSecret(rotated.secret)]).toEqual([401, 200]);
  });

  it('never prolongs the old key', async () => {
    const { apiKey } = await create({ expiresAt: inDays(1) });
    const rotated = await run('apiKeyRotate', { id: apiKey.id, overlapSeconds: 30 * 86_400 });
    expect(rotated.replaced.expiresAt).toBe(apiKey.expiresAt);
  });

  it('is refused for a key that has a successor, has expired, or an impossible overlap', async () => {
    const { apiKey } = await create();
    const code = async (input: object) => (await run('apiKeyRotate', input)).userErrors[0]?.code;
    expect(await code({ id: apiKey.id, overlapSeconds: 30 * 86_400 + 1 })).toBe('INVALID_OVERLAP');
    expect(await code({ id: apiKey.id, overlapSeconds: -1 })).toBe('INVALID_OVERLAP');
    const { apiKey: successor } = await run('apiKeyRotate', { id: apiKey.id, overlapSeconds: 60 });
    expect(await code({ id: apiKey.id, overlapSeconds: 60 })).toBe('ALREADY_ROTATED');
    await run('apiKeyRevoke', { id: successor.id });
    expect(await code({ id: apiKey.id, overlapSeconds: 0 })).toBeUndefined();
    expect(await code({ id: apiKey.id, overlapSeconds: 0 })).toBe('EXPIRED');
  });

  it('shows nobody a secret that may do more than they may', async () => {
    const { apiKey } = await create({ scopes: ['admin'] });
    const as: Authenticated = { ...owner, permissions: ['org.read', 'apikey.read', 'apikey.rotate'] };
    const { userErrors, secret } = await run('apiKeyRotate', { id: apiKey.id }, as);
    expect([secret, userErrors[0]?.code]).toEqual([null, 'SCOPE_NOT_GRANTABLE']);
  });
});

describe('a signing secret', () => {
  it('is shown once, can be demanded, goes on with the successor of its key, and is removed', async () => {
    const { apiKey } = await create();
    const demanded = await run('apiKeyUpdate', { id: apiKey.id, requiresSignature: true });
    expect(demanded.userErrors).toMatchObject([{ code: 'NO_SIGNING_SECRET' }]);
    const made = await run('apiKeySigningSecretCreate', { id: apiKey.id, requireSignature: true });
    expect(made.signingSecret).toMatch(/^weirsig_[\w-]{43}$/);
    expect(made.apiKey).toMatchObject({ hasSigningSecret: true, requiresSignature: true });
    const rotated = await run('apiKeyRotate', { id: apiKey.id });
    expect(rotated.apiKey).toMatchObject({ hasSigningSecret: true, requiresSignature: true });
    const removed = await run('apiKeySigningSecretRemove', { id: apiKey.id });
    expect(removed.apiKey).toMatchObject({ hasSigningSecret: false, requiresSignature: false });
    expect((await run('apiKeySigningSecretRemove', { id: apiKey.id })).userErrors).toEqual([]);
  });
});

function inDays(days: number): string {
  return new Date(identity.now() + days * DAY_MS).toISOString();
}

function lifeDays(expiresAt: unknown): number {
  return Math.round((Date.parse(String(expiresAt)) - identity.now()) / DAY_MS);
}
