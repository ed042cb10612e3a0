import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Authenticated } from '@weir/contracts/internal-identity';
import { encodeId } from '@weir/kernel/ids';
import { isWellFormedVirtualKey } from '@weir/kernel/virtual-key';
import { startTestIdentity, type TestIdentity, type TestOrganization } from '../../test-identity.ts';

let identity: TestIdentity;
let organization: TestOrganization;
let owner: Authenticated;

beforeAll(async () => {
  identity = await startTestIdentity();
  organization = await identity.organization();
  owner = await identity.ownerOf(organization);
});
afterAll(() => identity.stop());

const CREATE = `mutation ($input: ApiKeyCreateInput!) {
  apiKeyCreate(input: $input) {
    apiKey { id name prefix last4 scopes status createdAt expiresAt revokedAt disconnectPolicy account { id kind } }
    secret
    userErrors { code message field }
  }
}`;
const REVOKE = `mutation ($input: ApiKeyRevokeInput!) {
  apiKeyRevoke(input: $input) { apiKey { id status revokedAt } userErrors { code field } }
}`;

interface Created {
  readonly apiKey: Readonly<Record<string, unknown>> & { readonly id: string };
  readonly secret: string;
  readonly userErrors: readonly { readonly code: string; readonly field: readonly string[] | null }[];
}

async function create(input: object = {}, as: Authenticated = owner): Promise<Created> {
  const answer = await identity.graphql(
    CREATE,
    { input: { organizationId: organization.id, name: 'key', ...input } },
    as,
  );
  expect(answer.errors).toBeUndefined();
  return answer.data?.['apiKeyCreate'] as Created;
}

async function codeOf(query: string, input: object, as?: Authenticated): Promise<string | undefined> {
  return (await identity.graphql(query, { input }, as)).errors?.[0]?.extensions.code;
}

describe('apiKeyCreate', () => {
  it('shows the secret once, and the key then works with what its scopes permit', async () => {
    const { apiKey, secret, userErrors } = await create({
      scopes: ['analytics:read'],
      disconnectPolicy: 'DRAIN',
    });
    expect(userErrors).toEqual([]);
    expect(isWellFormedVirtualKey(secret)).toBe(true);
    expect(apiKey).toMatchObject({
      prefix: secret.slice(0, 9),
      last4: secret.slice(-4),
      scopes: ['analytics:read'],
      status: 'ACTIVE',
      expiresAt: null,
      revokedAt: null,
      disconnectPolicy: 'DRAIN',
      account: { id: encodeId('account', organization.rootAccountId), kind: 'OWNER' },
    });
    const who = await identity.whoIs({ apiKey: secret });
    expect(who).toMatchObject({
      actor: { type: 'apiKey', accountId: organization.rootAccountId },
      organizationId: organization.organizationId,
      permissions: ['org.read', 'org.budget.read', 'account.read', 'usage.read'],
    });
    const viewer = await identity.graphql('{ viewer { user { id } apiKey { id } memberships { id } organization { id } } }', {}, who); // prettier-ignore
    expect(viewer.data).toEqual({
      viewer: {
        user: null,
        apiKey: { id: apiKey.id },
        memberships: [],
        organization: { id: organization.id },
      },
    });
  });

  it('answers broken rules as user errors that name the members at fault', async () => {
    const { apiKey, secret, userErrors } = await create({ name: ' ', scopes: ['everything'], expiresAt: '2020-01-01T00:00:00Z' }); // prettier-ignore
    expect([apiKey, secret]).toEqual([null, null]);
    expect(userErrors).toMatchObject([
      { code: 'INVALID_NAME', field: ['name'] },
      { code: 'INVALID_SCOPES', field: ['scopes'] },
      { code: 'INVALID_EXPIRY', field: ['expiresAt'] },
    ]);
  });

  it('finds no account of another organization', async () => {
    const other = await identity.organization();
    const { userErrors } = await create({ accountId: encodeId('account', other.rootAccountId) });
    expect(userErrors).toMatchObject([{ code: 'ACCOUNT_NOT_FOUND', field: ['accountId'] }]);
  });

  it('needs a member of the organization who may create keys', async () => {
    const input = { organizationId: organization.id, name: 'key' };
    const stranger = await identity.ownerOf(await identity.organization());
    expect(await codeOf(CREATE, input)).toBe('UNAUTHENTICATED');
    expect(await codeOf(CREATE, input, stranger)).toBe('NOT_FOUND');
    expect(await codeOf(CREATE, input, { ...owner, permissions: ['org.read', 'apikey.read'] })).toBe(
      'FORBIDDEN',
    );
    expect(await codeOf(CREATE, { ...input, organizationId: 'org_x' }, owner)).toBe('BAD_USER_INPUT');
  });

  it('lets an administrative key of an account create keys there and below only', async () => {
    const { bootstrap } = identity;
    const { organizationId, rootAccountId } = organization;
    const team = await bootstrap.addAccount({
      organizationId,
      parentId: rootAccountId,
      kind: 'TEAM',
      name: 'Team',
    });
    const project = await bootstrap.addAccount({
      organizationId,
      parentId: team,
      kind: 'PROJECT',
      name: 'Project',
    });
    const { secret } = await create({ accountId: encodeId('account', team), scopes: ['admin'] });
    const teamKey = await identity.whoIs({ apiKey: secret });
    expect((await create({ accountId: encodeId('account', project) }, teamKey)).userErrors).toEqual([]);
    expect((await create({}, teamKey)).userErrors).toMatchObject([{ code: 'ACCOUNT_NOT_FOUND' }]);
    const seen = await identity.graphql(
      `query ($id: ID!) { organization(id: $id) {
        accounts { nodes { name parent { name } path { name } } }
        apiKeys { nodes { account { name } } }
      } }`,
      { id: organization.id },
      teamKey,
    );
    expect(seen.data).toEqual({
      organization: {
        accounts: {
          nodes: [
            { name: 'Team', parent: null, path: [] },
            { name: 'Project', parent: { name: 'Team' }, path: [{ name: 'Team' }] },
          ],
        },
        apiKeys: { nodes: [{ account: { name: 'Project' } }, { account: { name: 'Team' } }] },
      },
    });
  });
});

describe('apiKeyRevoke', () => {
  it('ends the key at once, for good, and can be repeated', async () => {
    const { apiKey, secret } = await create();
    const revoke = async () =>
      (await identity.graphql(REVOKE, { input: { id: apiKey.id } }, owner)).data?.['apiKeyRevoke'];
    const first = await revoke();
    expect(first).toMatchObject({ apiKey: { id: apiKey.id, status: 'REVOKED' }, userErrors: [] });
    const refused = await identity.authenticate({ apiKey: secret });
    expect(refused.status).toBe(401);
    expect(await refused.json()).toMatchObject({ code: 'API_KEY_REVOKED' });
    identity.advance(1_000);
    expect(await revoke()).toEqual(first);
  });

  it('finds no key of another organization and does nothing to it', async () => {
    const { apiKey, secret } = await create();
    const stranger = await identity.ownerOf(await identity.organization());
    const answer = await identity.graphql(REVOKE, { input: { id: apiKey.id } }, stranger);
    expect(answer.data).toEqual({
      apiKeyRevoke: { apiKey: null, userErrors: [{ code: 'NOT_FOUND', field: ['id'] }] },
    });
    expect((await identity.authenticate({ apiKey: secret })).status).toBe(200);
  });

  it('needs the permission', async () => {
    const { apiKey } = await create();
    const input = { id: apiKey.id };
    expect(await codeOf(REVOKE, input)).toBe('UNAUTHENTICATED');
    expect(await codeOf(REVOKE, input, { ...owner, permissions: ['apikey.read'] })).toBe('FORBIDDEN');
    expect(await codeOf(REVOKE, { id: organization.id }, owner)).toBe('BAD_USER_INPUT');
  });
});

describe('an expired key', () => {
  it('is refused and says so', async () => {
    const { secret } = await create({ expiresAt: new Date(Date.now() + 3_600_000).toISOString() });
    expect((await identity.authenticate({ apiKey: secret })).status).toBe(200);
    identity.advance(3_600_000);
    const refused = await identity.authenticate({ apiKey: secret });
    expect(await refused.json()).toMatchObject({ code: 'API_KEY_EXPIRED' });
  });
});
