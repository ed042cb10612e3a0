import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Authenticated } from '@weir/contracts/internal-identity';
import { startTestIdentity, type TestIdentity, type TestOrganization } from '../../test-identity.ts';
import { accountTools, type AccountTools } from './test-accounts.ts';

let identity: TestIdentity;
let organization: TestOrganization;
let owner: Authenticated;
let tools: AccountTools;

const DELETE = `mutation ($input: AccountDeleteInput!) { accountDelete(input: $input) {
  account { id name status deletedAt apiKeys { nodes { status } } } movedCount revokedKeyCount userErrors { code } } }`;

async function remove(id: string, as = owner) {
  const answer = await identity.graphql(DELETE, { input: { id } }, as);
  if (answer.errors) throw Object.assign(new Error(answer.errors[0]?.message), answer.errors[0]?.extensions);
  return answer.data?.['accountDelete'] as Record<string, unknown>;
}

async function read(id: string): Promise<unknown> {
  const answer = await identity.graphql(
    `query ($id: ID!) { account(id: $id) { dna status parent { id } access { allowModels allowIps } effectiveAccess { allowModels }
      limits { requestsPerMinute tokensPerDay } modelLimits { pattern limits { requestsPerMinute tokensPerDay } }
      routing { modelMapper { text } switchOver { text } } } }`,
    { id },
    owner,
  );
  return answer.data?.['account'];
}

async function addKey(accountId: string): Promise<string> {
  const input = { organizationId: organization.id, accountId, name: 'key', scopes: ['inference:write'] };
  const answer = await identity.graphql(
    `mutation ($input: ApiKeyCreateInput!) { apiKeyCreate(input: $input) { secret userErrors { code } } }`,
    { input },
    owner,
  );
  return (answer.data?.['apiKeyCreate'] as { secret: string }).secret;
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

describe('deleting an account', () => {
  it('moves what is below it up to its parent, and keeps the keys there working', async () => {
    const top = await tools.create({ name: 'Top' });
    const middle = await tools.create({ parentId: top, name: 'Middle' });
    const child = await tools.create({ parentId: middle, name: 'Child' });
    const leaf = await tools.create({ parentId: child, name: 'Leaf' });
    const [kept, ended] = [await addKey(leaf), await addKey(middle)];
    expect(await remove(middle)).toMatchObject({
      movedCount: 2,
      revokedKeyCount: 1,
      userErrors: [],
      account: { status: 'DELETED', apiKeys: { nodes: [{ status: 'REVOKED' }] } },
    });
    expect(await read(child)).toMatchObject({ dna: `.${tools.rootId}.${top}.`, parent: { id: top } });
    expect(await read(leaf)).toMatchObject({
      dna: `.${tools.rootId}.${top}.${child}.`,
      parent: { id: child },
    });
    expect((await identity.authenticate({ apiKey: kept })).status).toBe(200);
    expect(await (await identity.authenticate({ apiKey: ended })).json()).toMatchObject({
      code: 'API_KEY_REVOKED',
    });
  });

  it('lets nobody below do more than before: what it bound them by becomes their own', async () => {
    const middle = await tools.create({
      name: 'Middle',
      access: { allowModels: { set: ['gpt-*'] } },
      limits: { requestsPerMinute: 10, tokensPerDay: 1000 },
      modelLimits: [{ pattern: 'gpt-*', limits: { tokensPerDay: '500' } }],
      routing: { modelMapper: { text: 'fast=gpt-4o' }, switchOver: { text: '1=2' } },
    });
    const blank = await tools.create({ parentId: middle, name: 'Blank' });
    const narrow = await tools.create({
      parentId: middle,
      name: 'Narrow',
      access: { allowModels: { set: ['gpt-4o'] } },
      limits: { requestsPerMinute: 5 },
      modelLimits: [{ pattern: 'gpt-4o', limits: { requestsPerMinute: 3 } }],
      routing: { modelMapper: { text: 'fast=gpt-4o-mini' } },
    });
    await remove(middle);
    expect(await read(blank)).toMatchObject({
      access: { allowModels: ['gpt-*'], allowIps: null },
      limits: { requestsPerMinute: 10, tokensPerDay: '1000' },
      modelLimits: [{ pattern: 'gpt-*', limits: { tokensPerDay: '500' } }],
      routing: { modelMapper: { text: 'fast=gpt-4o' }, switchOver: { text: '1=2' } },
    });
    expect(await read(narrow)).toMatchObject({
      access: { allowModels: ['gpt-4o'] },
      limits: { requestsPerMinute: 5, tokensPerDay: '1000' },
      modelLimits: [
        { pattern: 'gpt-4o', limits: { requestsPerMinute: 3, tokensPerDay: '500' } },
        { pattern: 'gpt-*', limits: { tokensPerDay: '500' } },
      ],
      routing: { modelMapper: { text: 'fast=gpt-4o-mini' } },
    });
  });

  it('leaves what a suspended account had suspended suspended', async () => {
    const middle = await tools.create({ name: 'Middle' });
    const child = await tools.create({ parentId: middle, name: 'Child' });
    await tools.run('accountSuspend', { id: middle });
    await remove(middle);
    expect(await read(child)).toMatchObject({ status: 'SUSPENDED' });
  });

  it('is refused for the root, twice, and while it bounds the spending of others', async () => {
    expect(await remove(tools.rootId)).toMatchObject({ userErrors: [{ code: 'INVALID_KIND' }] });
    const budgeted = await tools.create({ name: 'Budgeted' });
    const child = await tools.create({ parentId: budgeted, name: 'Child' });
    await identity.addBudget(organization, budgeted);
    expect(await remove(budgeted)).toMatchObject({ account: null, userErrors: [{ code: 'BINDS_SPENDING' }] });
    await remove(child);
    expect(await remove(budgeted)).toMatchObject({ userErrors: [] });
    expect(await remove(budgeted)).toMatchObject({ userErrors: [{ code: 'NOT_FOUND' }] });
  });

  it('is refused where it would leave somebody below with more limits of models than one may have', async () => {
    const crossing = (a: string, b: string) =>
      Array.from({ length: 20 }, (_, place) => ({
        pattern: `*${a}${String(place)}*${b}${String(place)}*`,
        limits: { requestsPerMinute: 10 },
      }));
    const middle = await tools.create({ name: 'Middle', modelLimits: crossing('a', 'b') });
    const child = await tools.create({ parentId: middle, name: 'Child', modelLimits: crossing('c', 'd') });
    const before = await read(child);
    expect(await remove(middle)).toMatchObject({
      account: null,
      userErrors: [{ code: 'INVALID_MODEL_LIMIT' }],
    });
    expect(await read(child)).toEqual(before);
  });

  it('ends every other use of it: no child, no key, no change, no place to move to', async () => {
    const gone = await tools.create({ name: 'Gone' });
    await remove(gone);
    const child = { parentId: gone, kind: 'TEAM', name: 'Child' };
    expect((await tools.run('accountCreate', child)).userErrors[0]?.code).toBe('PARENT_NOT_FOUND');
    expect((await tools.run('accountUpdate', { id: gone, name: 'Back' })).userErrors[0]?.code).toBe(
      'NOT_FOUND',
    );
    expect((await tools.run('accountActivate', { id: gone })).userErrors[0]?.code).toBe('NOT_FOUND');
    await expect(addKey(gone)).resolves.toBeNull();
  });
});
