import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Authenticated } from '@weir/contracts/internal-identity';
import { startTestIdentity, type TestIdentity, type TestOrganization } from '../../test-identity.ts';
import { accountTools, type AccountTools } from '../accounts/test-accounts.ts';

let identity: TestIdentity;
let organization: TestOrganization;
let owner: Authenticated;
let tools: AccountTools;

async function mutate(name: string, input: object, as = owner) {
  const type = `${name.charAt(0).toUpperCase()}${name.slice(1)}Input!`;
  const account = name.startsWith('serviceAccount')
    ? 'account { id name description kind status version role { id } }'
    : '';
  const more = name === 'serviceAccountDelete' ? 'revokedKeyCount' : name === 'apiKeyCreate' ? 'secret' : '';
  const own = name === 'roleCreate' ? 'role { id }' : name === 'roleDelete' ? 'deletedId' : '';
  const query = `mutation ($input: ${type}) { ${name}(input: $input) { ${account} ${more} ${own} userErrors { code field } } }`;
  const answer = await identity.graphql(query, { input }, as);
  if (answer.errors) throw Object.assign(new Error(answer.errors[0]?.message), answer.errors[0]?.extensions);
  return answer.data?.[name] as {
    account?: { id: string; version: number } | null;
    secret?: string;
    role?: { id: string };
    revokedKeyCount?: number;
    userErrors: { code: string; field: string[] }[];
  };
}

const create = (input: object = {}, as = owner) =>
  mutate(
    'serviceAccountCreate',
    { parentId: tools.rootId, name: 'deployer', roleId: 'rol_analyst', ...input },
    as,
  );

async function keyOf(accountId: string | undefined, scopes = ['admin']): Promise<Authenticated> {
  const input = { organizationId: organization.id, accountId, name: 'key', scopes };
  const { secret = '' } = await mutate('apiKeyCreate', input);
  return identity.whoIs({ apiKey: secret });
}

beforeAll(async () => {
  identity = await startTestIdentity();
});
afterAll(() => identity.stop());
beforeEach(async () => {
  organization = await identity.organization();
  owner = await identity.ownerOf(organization);
  tools = accountTools(identity, organization, owner);
});

describe('a service account', () => {
  it('has a name, a description and a role, all of which can be changed', async () => {
    const { account, userErrors } = await create({ description: 'Deploys' });
    expect(userErrors).toEqual([]);
    expect(account).toMatchObject({
      ...{ name: 'deployer', description: 'Deploys', kind: 'SERVICE_ACCOUNT', status: 'ACTIVE' },
      role: { id: 'rol_analyst' },
    });
    const changed = await mutate('serviceAccountUpdate', {
      ...{
        id: account?.id,
        name: 'releaser',
        description: 'Releases',
        roleId: 'rol_finance',
        expectedVersion: 1,
      },
    });
    expect(changed.account).toMatchObject({
      name: 'releaser',
      description: 'Releases',
      role: { id: 'rol_finance' },
    });
    const again = await mutate('serviceAccountUpdate', { id: account?.id, name: 'x', expectedVersion: 1 });
    expect(again.userErrors).toMatchObject([{ code: 'CONFLICT' }]);
  });

  it('lends its keys what both their scopes and its role permit, also when the role is changed', async () => {
    const { account } = await create();
    expect((await keyOf(account?.id)).permissions).toEqual(['org.read', 'account.read', 'usage.read']);
    expect((await keyOf(account?.id, ['inference:write'])).permissions).toEqual(['org.read']);
    const role = await mutate('roleCreate', {
      ...{ organizationId: organization.id, name: 'Keeper', permissions: ['apikey.read', 'apikey.revoke'] },
    });
    await mutate('serviceAccountUpdate', { id: account?.id, roleId: role.role?.id });
    const key = await keyOf(account?.id);
    expect(key.permissions).toEqual(['apikey.read', 'apikey.revoke']);
    expect((await create({ name: 'other' }, key)).userErrors).toMatchObject([{ code: 'PARENT_NOT_FOUND' }]);
  });

  it('needs a role that its maker may give, and is never Owner', async () => {
    const codes = async (input: object, as = owner) => (await create(input, as)).userErrors;
    const wrong = [{ code: 'INVALID_ROLE', field: ['roleId'] }];
    expect(await codes({ roleId: 'rol_owner' })).toEqual(wrong);
    const admin = { ...owner, permissions: owner.permissions.filter((held) => held !== 'audit.read') };
    expect(await codes({ roleId: 'rol_admin' }, admin)).toEqual(wrong);
    const other = await identity.organization();
    const theirs = await mutate(
      'roleCreate',
      { organizationId: other.id, name: 'Theirs', permissions: ['org.read'] },
      await identity.ownerOf(other),
    );
    expect(await codes({ roleId: theirs.role?.id })).toEqual(wrong);
    const plain = await tools.run('accountCreate', {
      parentId: tools.rootId,
      kind: 'SERVICE_ACCOUNT',
      name: 'm',
    });
    expect(plain.userErrors[0]?.code).toBe('INVALID_ROLE');
  });

  it('has a name of its own, in whatever case, until it is deleted', async () => {
    const { account } = await create();
    expect((await create({ name: 'Deployer' })).userErrors).toEqual([
      { code: 'NAME_TAKEN', field: ['name'] },
    ]);
    const both = await Promise.all([create({ name: 'twin' }), create({ name: 'twin' })]);
    expect(both.flatMap(({ userErrors }) => userErrors.map(({ code }) => code))).toEqual(['NAME_TAKEN']);
    await keyOf(account?.id);
    expect(await mutate('serviceAccountDelete', { id: account?.id })).toMatchObject({ revokedKeyCount: 1 });
    expect((await create()).userErrors).toEqual([]);
  });

  it('keeps its role from being deleted as long as it is there itself', async () => {
    const { role } = await mutate('roleCreate', {
      ...{ organizationId: organization.id, name: 'Reader', permissions: ['org.read'] },
    });
    const { account } = await create({ roleId: role?.id });
    expect((await mutate('roleDelete', { id: role?.id })).userErrors).toMatchObject([{ code: 'IN_USE' }]);
    await mutate('serviceAccountDelete', { id: account?.id });
    expect((await mutate('roleDelete', { id: role?.id })).userErrors).toEqual([]);
  });

  it('is a leaf of the tree, and the only kind that these mutations know', async () => {
    const { account } = await create();
    const below = await tools.run('accountCreate', { parentId: account?.id, kind: 'TEAM', name: 'Team' });
    expect(below.userErrors[0]?.code).toBe('INVALID_KIND');
    const team = await tools.create();
    for (const name of ['serviceAccountUpdate', 'serviceAccountDelete'])
      expect((await mutate(name, { id: team })).userErrors).toMatchObject([{ code: 'NOT_FOUND' }]);
  });

  it('is listed', async () => {
    await create();
    await tools.create();
    const { data } = await identity.graphql(
      'query ($id: ID!) { organization(id: $id) { serviceAccounts(filter: { search: "DEPLOY" }) { nodes { name role { name } } } } }',
      { id: organization.id },
      owner,
    );
    expect(data).toEqual({
      organization: { serviceAccounts: { nodes: [{ name: 'deployer', role: { name: 'Analyst' } }] } },
    });
  });
});
