import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Authenticated } from '@weir/contracts/internal-identity';
import { startTestIdentity, type TestIdentity, type TestOrganization } from '../../test-identity.ts';
import { accountTools, type AccountTools } from './test-accounts.ts';

let identity: TestIdentity;
let organization: TestOrganization;
let owner: Authenticated;
let tools: AccountTools;
let ids: { research: string; lab: string; shop: string; till: string; old: string };

const LIST = `query ($id: ID!, $first: Int, $after: String, $filter: AccountFilter, $orderBy: AccountOrder) {
  organization(id: $id) { accounts(first: $first, after: $after, filter: $filter, orderBy: $orderBy) {
    nodes { name childrenCount descendantsCount } pageInfo { hasNextPage endCursor } } } }`;

interface Page {
  readonly nodes: readonly { name: string; childrenCount: number; descendantsCount: number }[];
  readonly pageInfo: { readonly hasNextPage: boolean; readonly endCursor: string };
}

async function list(variables: object = {}, as = owner): Promise<Page> {
  const answer = await identity.graphql(LIST, { id: organization.id, ...variables }, as);
  if (answer.errors) throw Object.assign(new Error(answer.errors[0]?.message), answer.errors[0]?.extensions);
  return (answer.data?.['organization'] as { accounts: Page }).accounts;
}

const names = async (filter: object, orderBy?: object) =>
  (await list({ filter, orderBy })).nodes.map(({ name }) => name);

beforeAll(async () => {
  identity = await startTestIdentity();
  organization = await identity.organization();
  owner = await identity.ownerOf(organization);
  tools = accountTools(identity, organization, owner);
  await tools.run('accountUpdate', { id: tools.rootId, name: 'Root', tier: 3 });
  const research = await tools.create({ name: 'Research', tier: 2 });
  const lab = await tools.create({
    parentId: research,
    kind: 'PROJECT',
    name: 'Lab of L1',
    routing: { level: 2 },
  });
  const shop = await tools.create({ name: 'Shop', routing: { gear: 1 } });
  const till = await tools.create({ parentId: shop, kind: 'SUB_ACCOUNT', name: 'till 100%' });
  const old = await tools.create({ parentId: shop, name: 'Old' });
  ids = { research, lab, shop, till, old };
  await identity.graphql(
    'mutation ($input: AccountDeleteInput!) { accountDelete(input: $input) { userErrors { code } } }',
    { input: { id: old } },
    owner,
  );
  await tools.run('accountSuspend', { id: till });
});
afterAll(() => identity.stop());

describe('a list of accounts', () => {
  it.each([
    [{}, ['Root', 'Research', 'Lab of L1', 'Shop', 'till 100%']],
    [{ statuses: ['DELETED'] }, ['Old']],
    [{ statuses: ['SUSPENDED'] }, ['till 100%']],
    [{ kinds: ['PROJECT', 'SUB_ACCOUNT'] }, ['Lab of L1', 'till 100%']],
    [{ levels: [2] }, ['Lab of L1']],
    [{ gears: [1] }, ['Shop', 'till 100%']],
    [{ tiers: [2], levels: [1] }, ['Research']],
    [{ name: { startsWith: 'RE' } }, ['Research']],
    [{ name: { contains: '0%' } }, ['till 100%']],
    [{ name: { contains: '_' } }, []],
    [{ search: 'L2' }, ['Lab of L1']],
    [{ search: 'L1 G1 t' }, ['till 100%']],
    [{ search: 'name:L1' }, ['Lab of L1']],
    [{ search: 'T2 shop' }, []],
    [{ search: 'T2 SEARCH', levels: [1] }, ['Research']],
  ])('with %j shows %j', async (filter, expected) => {
    expect(await names(filter)).toEqual(expected);
  });

  it('is filtered by ids, parents and paths, which may begin anywhere', async () => {
    expect(await names({ ids: [ids.lab, ids.shop] })).toEqual(['Lab of L1', 'Shop']);
    expect(await names({ parentId: ids.shop })).toEqual(['till 100%']);
    expect(await names({ path: `.${ids.research}.` })).toEqual(['Research', 'Lab of L1']);
    expect(await names({ path: `.${tools.rootId}.${ids.research}.${ids.lab}.` })).toEqual(['Lab of L1']);
    expect(await names({ path: `.${ids.shop}.${ids.lab}.` })).toEqual([]);
    expect(await names({ search: `.${ids.shop}. G1 ${ids.till}` })).toEqual(['till 100%']);
    await expect(names({ path: 'research' })).rejects.toMatchObject({ code: 'BAD_USER_INPUT' });
  });

  it.each([
    [{ field: 'NAME' }, ['Lab of L1', 'Research', 'Root', 'Shop', 'till 100%']],
    [{ field: 'NAME', direction: 'DESC' }, ['till 100%', 'Shop', 'Root', 'Research', 'Lab of L1']],
    [{ field: 'CREATED_AT', direction: 'DESC' }, ['till 100%', 'Shop', 'Lab of L1', 'Research', 'Root']],
  ])('sorted by %j is %j, also page by page', async (orderBy, expected) => {
    expect(await names({}, orderBy)).toEqual(expected);
    const found: string[] = [];
    let after: string | undefined;
    do {
      const { nodes, pageInfo }: Page = await list({ first: 2, after, orderBy });
      found.push(...nodes.map(({ name }) => name));
      after = pageInfo.hasNextPage ? pageInfo.endCursor : undefined;
    } while (after !== undefined);
    expect(found).toEqual(expected);
  });

  it('refuses a cursor of another order', async () => {
    const { pageInfo } = await list({ first: 1, orderBy: { field: 'NAME' } });
    await expect(list({ after: pageInfo.endCursor })).rejects.toMatchObject({ code: 'BAD_USER_INPUT' });
  });

  it('counts what is directly and anywhere below each account, without those that are deleted', async () => {
    const { nodes } = await list();
    expect(nodes.map((node) => [node.name, node.childrenCount, node.descendantsCount])).toEqual([
      ['Root', 2, 4],
      ['Research', 1, 1],
      ['Lab of L1', 0, 0],
      ['Shop', 1, 1],
      ['till 100%', 0, 0],
    ]);
  });

  it('leads down the tree', async () => {
    const query = `query ($id: ID!) { account(id: $id) { children(filter: { kinds: [TEAM] }, orderBy: { field: NAME, direction: DESC }) {
      nodes { name children { nodes { name } } } } } }`;
    const answer = await identity.graphql(query, { id: tools.rootId }, owner);
    expect(answer.data?.['account']).toEqual({
      children: {
        nodes: [
          { name: 'Shop', children: { nodes: [{ name: 'till 100%' }] } },
          { name: 'Research', children: { nodes: [{ name: 'Lab of L1' }] } },
        ],
      },
    });
  });
});

describe('one account', () => {
  const ACCOUNT = 'query ($id: ID, $path: String) { account(id: $id, path: $path) { name dna } }';
  const find = async (variables: object, as = owner) => identity.graphql(ACCOUNT, variables, as);

  it('is found by its id and by its path', async () => {
    const lab = { name: 'Lab of L1', dna: `.${tools.rootId}.${ids.research}.` };
    expect((await find({ id: ids.lab })).data).toEqual({ account: lab });
    expect((await find({ path: `.${ids.research}.${ids.lab}.` })).data).toEqual({ account: lab });
    expect((await find({ path: `.${ids.shop}.${ids.lab}.` })).data).toEqual({ account: null });
    expect((await find({})).errors?.[0]?.extensions.code).toBe('BAD_USER_INPUT');
  });

  it('is hidden from another organization', async () => {
    const other = await identity.ownerOf(await identity.organization());
    expect((await find({ id: ids.lab }, other)).data).toEqual({ account: null });
    expect((await find({ path: `.${ids.lab}.` }, other)).data).toEqual({ account: null });
  });
});
