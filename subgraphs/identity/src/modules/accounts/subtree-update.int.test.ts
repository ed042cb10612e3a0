import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import pg from 'pg';
import type { Authenticated } from '@weir/contracts/internal-identity';
import { decodeId, newUuid } from '@weir/kernel/ids';
import { startTestIdentity, type TestIdentity, type TestOrganization } from '../../test-identity.ts';
import { accountTools, type AccountTools } from './test-accounts.ts';

let identity: TestIdentity;
let organization: TestOrganization;
let owner: Authenticated;
let tools: AccountTools;
let ids: { top: string; middle: string; leaf: string; beside: string };

const UPDATE = `mutation ($input: AccountSubtreeUpdateInput!) { accountSubtreeUpdate(input: $input) {
  account { id } accountCount changedCount userErrors { code field message } } }`;

interface Payload {
  readonly accountCount: number | null;
  readonly changedCount: number | null;
  readonly userErrors: readonly { readonly code: string; readonly field: readonly string[] | null }[];
}

async function update(input: object, as = owner): Promise<Payload> {
  const answer = await identity.graphql(UPDATE, { input: { id: ids.top, ...input } }, as);
  if (answer.errors) throw Object.assign(new Error(answer.errors[0]?.message), answer.errors[0]?.extensions);
  return answer.data?.['accountSubtreeUpdate'] as Payload;
}

async function read<T>(fields: string): Promise<Record<keyof typeof ids, T>> {
  const entries = Object.entries(ids).map(async ([name, id]) => {
    const answer = await identity.graphql(
      `query ($id: ID!) { account(id: $id) { ${fields} } }`,
      { id },
      owner,
    );
    return [name, answer.data?.['account']] as const;
  });
  return Object.fromEntries(await Promise.all(entries)) as Record<keyof typeof ids, T>;
}

const models = async () => {
  const found = await read<{ access: { allowModels: string[] | null } }>('access { allowModels }');
  return [found.top, found.middle, found.leaf, found.beside].map(({ access }) => access.allowModels);
};

beforeAll(async () => {
  identity = await startTestIdentity();
});
afterAll(() => identity.stop());
beforeEach(async () => {
  organization = await identity.organization();
  owner = await identity.ownerOf(organization);
  tools = accountTools(identity, organization, owner);
  const top = await tools.create({ name: 'Top' });
  const middle = await tools.create({
    parentId: top,
    name: 'Middle',
    access: { allowModels: { set: ['a', 'b'] } },
  });
  const leaf = await tools.create({
    parentId: middle,
    name: 'Leaf',
    access: { allowModels: { set: ['b'] } },
  });
  ids = { top, middle, leaf, beside: await tools.create({ name: 'Beside' }) };
});

describe('a change of a subtree', () => {
  it('applies each operation to the list that each account has', async () => {
    expect(await update({ access: { allowModels: { apply: 'c d' } } })).toMatchObject({
      accountCount: 3,
      changedCount: 3,
    });
    expect(await models()).toEqual([['c', 'd'], ['a', 'b', 'c', 'd'], ['b', 'c', 'd'], null]);
    expect(await update({ access: { allowModels: { apply: '-a c' } } })).toMatchObject({ changedCount: 3 });
    expect(await models()).toEqual([['d'], ['b', 'd'], ['b', 'd'], null]);
    expect(await update({ access: { allowModels: { apply: '-a' } } })).toMatchObject({
      changedCount: 0,
      userErrors: [],
    });
    await update({ access: { allowModels: { apply: '-*' } } });
    expect(await models()).toEqual([[], [], [], null]);
    await update({ access: { allowModels: { apply: '*' } }, includeSelf: false });
    expect(await models()).toEqual([[], null, null, null]);
  });

  it('makes everything else the same everywhere, and says how many it changed', async () => {
    await tools.run('accountUpdate', { id: tools.rootId, tier: 4 });
    await tools.run('accountUpdate', { id: ids.top, tier: 4 });
    const change = {
      access: { allowModels: { set: ['a'] }, allowIps: { set: ['10.0.0.0/8'] } },
      limits: { requestsPerMinute: 7 },
      modelLimits: [{ pattern: 'a', limits: { tokensPerDay: '5' } }],
      routing: { level: 3, gear: 2, modelMapper: { text: 'fast=a' }, stickyRouting: true },
      tier: 2,
      rates: '1.5',
    };
    expect(await update({ ...change, dryRun: true })).toMatchObject({
      accountCount: 3,
      changedCount: 3,
      userErrors: [],
    });
    expect(await models()).toEqual([null, ['a', 'b'], ['b'], null]);
    expect(await update(change)).toMatchObject({ accountCount: 3, changedCount: 3, userErrors: [] });
    const found = await read(
      'access { allowModels allowIps } limits { requestsPerMinute } modelLimits { pattern } routing { level gear stickyRouting modelMapper { text } } tier rates version',
    );
    const expected = {
      access: { allowModels: ['a'], allowIps: ['10.0.0.0/8'] },
      limits: { requestsPerMinute: 7 },
      modelLimits: [{ pattern: 'a' }],
      routing: { level: 3, gear: 2, stickyRouting: true, modelMapper: { text: 'fast=a' } },
      tier: 2,
      rates: '1.5',
    };
    expect(found).toMatchObject({
      top: expected,
      middle: expected,
      leaf: expected,
      beside: { tier: 0, version: 1 },
    });
    expect(await update(change)).toMatchObject({ changedCount: 0 });
    expect(await read('version')).toMatchObject({ middle: { version: 2 }, leaf: { version: 2 } });
  });

  it('merges limits into those that each account has, and clears them', async () => {
    await tools.run('accountUpdate', { id: ids.leaf, limits: { requestsPerDay: 9 } });
    await update({ limits: { requestsPerMinute: 3 } });
    const limits = () => read('limits { requestsPerMinute requestsPerDay }');
    expect(await limits()).toMatchObject({
      top: { limits: { requestsPerMinute: 3, requestsPerDay: null } },
      leaf: { limits: { requestsPerMinute: 3, requestsPerDay: 9 } },
    });
    await update({ limits: null });
    expect(await limits()).toMatchObject({
      leaf: { limits: { requestsPerMinute: null, requestsPerDay: null } },
    });
  });

  it('changes nothing at all when a rule is broken anywhere', async () => {
    await tools.run('accountUpdate', {
      id: tools.rootId,
      access: { allowModels: { set: ['a', 'b'] } },
      limits: { concurrency: 5 },
    });
    const codes = async (input: object) => (await update(input)).userErrors.map(({ code }) => code);
    expect(await codes({ access: { allowModels: { apply: 'c' } } })).toEqual(['BEYOND_PARENT']);
    expect(await codes({ access: { allowModels: { set: ['a', 'x y'] } } })).toEqual(['INVALID_LIST']);
    expect(await codes({ limits: { concurrency: 6 } })).toEqual(['ABOVE_PARENT']);
    expect(await codes({ tier: 1 })).toEqual(['INVALID_TIER']);
    expect(await codes({ rates: '0.5' })).toEqual(['INVALID_RATES']);
    expect(await codes({ routing: { level: -1 } })).toEqual(['INVALID_ROUTING']);
    expect(await models()).toEqual([null, ['a', 'b'], ['b'], null]);
  });

  it('tells the proxies once', async () => {
    const client = new pg.Client({ connectionString: identity.databaseUrl });
    await client.connect();
    try {
      const signals: unknown[] = [];
      client.on('notification', ({ payload }) => signals.push(payload));
      await client.query('listen policy');
      await update({ access: { allowModels: { apply: 'c' } }, limits: { requestsPerMinute: 3 }, rates: '2' });
      await client.query('select 1');
      expect(signals).toHaveLength(1);
    } finally {
      await client.end();
    }
  });

  it('is for whoever may change accounts, and reaches below the account of an API key', async () => {
    const program = (accountId: string, permissions = owner.permissions) => ({
      ...owner,
      actor: {
        type: 'apiKey' as const,
        apiKeyId: newUuid(),
        accountId: decodeId('account', accountId) ?? newUuid(),
      },
      permissions,
    });
    await expect(update({ rates: '2' }, program(ids.top))).rejects.toMatchObject({ code: 'FORBIDDEN' });
    expect(await update({ rates: '2', includeSelf: false }, program(ids.top))).toMatchObject({
      changedCount: 2,
    });
    await expect(
      update({ routing: { level: 2 }, includeSelf: false }, program(ids.top)),
    ).rejects.toMatchObject({
      code: 'FORBIDDEN',
    });
    expect(await update({ rates: '3' }, program(ids.beside))).toMatchObject({
      userErrors: [{ code: 'NOT_FOUND' }],
    });
    await expect(update({ rates: '3' }, program(ids.top, ['account.read']))).rejects.toMatchObject({
      code: 'FORBIDDEN',
    });
  });
});
