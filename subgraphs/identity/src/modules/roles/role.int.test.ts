import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Authenticated } from '@weir/contracts/internal-identity';
import { decodeId, encodeId } from '@weir/kernel/ids';
import { addMember } from '../members/test-members.ts';
import { startTestIdentity, type TestIdentity, type TestOrganization } from '../../test-identity.ts';

let identity: TestIdentity;
let mine: TestOrganization;
let owner: Authenticated;
let admin: Authenticated;

beforeAll(async () => {
  identity = await startTestIdentity();
  mine = await identity.organization();
  owner = await identity.ownerOf(mine);
  admin = (await addMember(identity, mine, 'ADMIN')).as;
});
afterAll(async () => {
  await identity.stop();
});

const CREATE = `mutation ($input: RoleCreateInput!) { roleCreate(input: $input) {
  role { id kind name description permissions holderCount version } userErrors { code field } } }`;
const UPDATE = `mutation ($input: RoleUpdateInput!) { roleUpdate(input: $input) {
  role { name permissions version } userErrors { code field } } }`;
const DELETE = `mutation ($input: RoleDeleteInput!) { roleDelete(input: $input) { deletedId userErrors { code } } }`;

interface Payload {
  readonly role?: { readonly id: string } | null;
  readonly deletedId?: string | null;
  readonly userErrors: readonly { readonly code: string }[];
}

async function run(query: string, input: object, as: Authenticated): Promise<Payload> {
  const answer = await identity.graphql(query, { input }, as);
  if (answer.errors) throw Object.assign(new Error(answer.errors[0]?.message), answer.errors[0]?.extensions);
  return Object.values(answer.data ?? {})[0] as Payload;
}

async function create(input: object = {}, as = owner): Promise<Payload> {
  const role = { organizationId: mine.id, name: `Role ${Math.random()}`, permissions: ['org.read', 'usage.read'] }; // prettier-ignore
  return run(CREATE, { ...role, ...input }, as);
}

const codes = ({ userErrors }: Payload): string[] => userErrors.map(({ code }) => code);

describe('custom roles', () => {
  it('have a name, a purpose and permissions, and are listed after the system roles', async () => {
    const organization = await identity.organization();
    const viewer = await identity.ownerOf(organization);
    const input = { name: ' Auditor ', description: 'Looks.', permissions: ['usage.read', 'org.read'] };
    const created = await create({ organizationId: organization.id, ...input }, viewer);
    expect(created).toMatchObject({
      role: { kind: 'CUSTOM', name: 'Auditor', description: 'Looks.', permissions: ['org.read', 'usage.read'], holderCount: 0, version: 1 },
      userErrors: [],
    }); // prettier-ignore
    const list = `query ($id: ID!, $after: String) { organization(id: $id) { roles(first: 4, after: $after) {
      totalCount nodes { id name holderCount } pageInfo { hasNextPage endCursor } } } }`;
    const pages: { id: string; name: string; holderCount: number }[] = [];
    for (let after: string | null = null, more = true; more;) {
      const answer = await identity.graphql(list, { id: organization.id, after }, viewer);
      const { roles } = answer.data?.['organization'] as {
        roles: { totalCount: number; nodes: typeof pages; pageInfo: { hasNextPage: boolean; endCursor: string } };
      }; // prettier-ignore
      expect(roles.totalCount).toBe(7);
      pages.push(...roles.nodes);
      [more, after] = [roles.pageInfo.hasNextPage, roles.pageInfo.endCursor];
    }
    expect(pages.map(({ name }) => name)).toEqual(['Owner', 'Admin', 'Manager', 'Analyst', 'Developer', 'Finance', 'Auditor']); // prettier-ignore
    expect(pages[0]).toEqual({ id: 'rol_owner', name: 'Owner', holderCount: 1 });
  });

  it('count the members, invited people and service accounts that have them', async () => {
    const organization = await identity.organization();
    const viewer = await identity.ownerOf(organization);
    const custom = (await create({ organizationId: organization.id }, viewer)).role?.id ?? '';
    const addMachine = (roleId: string) =>
      run(
        'mutation ($input: ServiceAccountCreateInput!) { serviceAccountCreate(input: $input) { account { id } userErrors { code } } }',
        {
          parentId: encodeId('account', organization.rootAccountId),
          name: `machine ${Math.random()}`,
          roleId,
        },
        viewer,
      ) as Promise<Payload & { readonly account: { readonly id: string } }>;
    const counts = async () => {
      const list =
        'query ($id: ID!) { organization(id: $id) { roles(first: 20) { nodes { id holderCount } } } }';
      const answer = await identity.graphql(list, { id: organization.id }, viewer);
      const { roles } = answer.data?.['organization'] as {
        roles: { nodes: readonly { readonly id: string; readonly holderCount: number }[] };
      };
      const of = (id: string) => roles.nodes.find((role) => role.id === id)?.holderCount;
      return { custom: of(custom), analyst: of('rol_analyst') };
    };
    expect(await counts()).toEqual({ custom: 0, analyst: 0 });
    await addMember(identity, organization, decodeId('role', custom) ?? member404());
    await addMachine(custom);
    const { account } = await addMachine('rol_analyst');
    expect(await counts()).toEqual({ custom: 2, analyst: 1 });
    await run(
      'mutation ($input: AccountDeleteInput!) { accountDelete(input: $input) { userErrors { code } } }',
      { id: account.id },
      viewer,
    );
    expect(await counts()).toEqual({ custom: 2, analyst: 0 });
  });

  it('permit nothing that their maker may not, nothing unknown, and never to delete the organization', async () => {
    expect(codes(await create({ permissions: ['org.delete'] }))).toEqual(['PERMISSION_NOT_GRANTABLE']);
    expect(codes(await create({ permissions: ['platform.organizations.write'] }))).toEqual(['INVALID_PERMISSION']); // prettier-ignore
    expect(codes(await create({ permissions: ['toString'] }))).toEqual(['INVALID_PERMISSION']);
    expect(codes(await create({ permissions: [] }))).toEqual(['INVALID_PERMISSION']);
    const maker = { ...admin, permissions: ['org.read', 'org.roles.write'] } as const;
    const as = { ...maker, permissions: [...maker.permissions] };
    expect(codes(await create({ permissions: ['usage.read'] }, as))).toEqual(['PERMISSION_NOT_GRANTABLE']);
    const mighty = await create({ permissions: ['apikey.create'] });
    const id = mighty.role?.id;
    expect(codes(await run(UPDATE, { id, name: 'Mine now' }, as))).toEqual(['PERMISSION_NOT_GRANTABLE']);
    expect(codes(await run(DELETE, { id }, as))).toEqual(['PERMISSION_NOT_GRANTABLE']);
  });

  it('have names of their own', async () => {
    await create({ name: 'Twin' });
    expect(codes(await create({ name: 'Twin' }))).toEqual(['NAME_TAKEN']);
    expect(codes(await create({ name: 'owner' }))).toEqual(['NAME_TAKEN']);
    expect(codes(await create({ name: ' ' }))).toEqual(['INVALID_NAME']);
    expect(codes(await create({ description: 'x'.repeat(501) }))).toEqual(['INVALID_DESCRIPTION']);
  });

  it('change what their members may do at once', async () => {
    const { role } = await create();
    const member = await addMember(identity, mine, decodeId('role', role?.id ?? '') ?? member404());
    const permissions = async () => (await identity.ownerOf({ ...mine, ...member })).permissions;
    expect(await permissions()).toEqual(['org.read', 'usage.read']);
    const change = { id: role?.id, permissions: ['org.read', 'audit.read'], expectedVersion: 1 };
    expect(await run(UPDATE, change, owner)).toMatchObject({ role: { version: 2 }, userErrors: [] });
    expect(await permissions()).toEqual(['org.read', 'audit.read']);
    expect(codes(await run(UPDATE, change, owner))).toEqual(['CONFLICT']);
  });

  it('are not deleted while somebody has them', async () => {
    const { role } = await create();
    await addMember(identity, mine, decodeId('role', role?.id ?? '') ?? member404());
    expect(codes(await run(DELETE, { id: role?.id }, owner))).toEqual(['IN_USE']);
    const unused = await create();
    expect(await run(DELETE, { id: unused.role?.id }, owner)).toEqual({ deletedId: unused.role?.id, userErrors: [] }); // prettier-ignore
    expect(codes(await run(DELETE, { id: unused.role?.id }, owner))).toEqual(['NOT_FOUND']);
  });
});

describe('system roles', () => {
  it('never change', async () => {
    expect(codes(await run(UPDATE, { id: 'rol_analyst', name: 'X' }, owner))).toEqual(['SYSTEM_ROLE']);
    expect(codes(await run(DELETE, { id: 'rol_analyst' }, owner))).toEqual(['SYSTEM_ROLE']);
  });
});

describe('roles', () => {
  it('are made by those who may, in their own organization', async () => {
    const analyst = (await addMember(identity, mine, 'ANALYST')).as;
    await expect(create({}, analyst)).rejects.toMatchObject({ code: 'FORBIDDEN' });
    const others = await identity.organization();
    await expect(create({ organizationId: others.id })).rejects.toMatchObject({ code: 'NOT_FOUND' });
    const { role } = await create({ organizationId: others.id }, await identity.ownerOf(others));
    expect(codes(await run(UPDATE, { id: role?.id, name: 'Mine' }, owner))).toEqual(['NOT_FOUND']);
    expect(codes(await run(DELETE, { id: role?.id }, owner))).toEqual(['NOT_FOUND']);
    await expect(run(UPDATE, { id: 'rol_owner', name: 'X' }, analyst)).rejects.toMatchObject({ code: 'FORBIDDEN' }); // prettier-ignore
  });
});

function member404(): never {
  throw new Error('the role was not created');
}
