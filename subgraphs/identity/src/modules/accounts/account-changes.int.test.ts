import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Authenticated } from '@weir/contracts/internal-identity';
import { decodeId, encodeId } from '@weir/kernel/ids';
import { startTestIdentity, type TestIdentity, type TestOrganization } from '../../test-identity.ts';
import { accountTools, type AccountTools } from './test-accounts.ts';

let identity: TestIdentity;
let organization: TestOrganization;
let owner: Authenticated;
let run: AccountTools['run'];
let create: AccountTools['create'];
let rootId: string;

beforeAll(async () => {
  identity = await startTestIdentity();
});
afterAll(() => identity.stop());
beforeEach(async () => {
  organization = await identity.organization();
  owner = await identity.ownerOf(organization);
  ({ run, create, rootId } = accountTools(identity, organization, owner));
});

/** An administrative key of an account. */
async function keyOn(accountId: string): Promise<Authenticated> {
  const { secret } = await identity.bootstrap.addApiKey({
    organizationId: organization.organizationId,
    accountId: decodeId('account', accountId) ?? organization.rootAccountId,
    name: 'admin',
    scopes: ['admin'],
  });
  return identity.whoIs({ apiKey: secret });
}

describe('accountCreate', () => {
  it('takes Level, Gear, Tier and Rates from the parent, and nothing that binds through the chain', async () => {
    const parentId = await create({
      tier: 0,
      rates: '1.5',
      routing: { level: 3, gear: 2, modelMapper: { text: 'fast=gpt-4o' }, stickyRouting: true },
      access: { allowModels: { set: ['gpt-*'] } },
      limits: { requestsPerMinute: 60 },
    });
    const { account } = await run('accountCreate', { parentId, kind: 'PROJECT', name: ' Project ' });
    expect(account).toMatchObject({
      name: 'Project',
      kind: 'PROJECT',
      status: 'ACTIVE',
      version: 1,
      tier: 0,
      rates: '1.5',
      parent: { id: parentId },
      access: { allowModels: null },
      effectiveAccess: { allowModels: ['gpt-*'], allowIps: null },
      limits: { requestsPerMinute: null },
      routing: { level: 3, gear: 2, stickyRouting: null, modelMapper: { rules: [], text: '' } },
    });
  });

  it('tells every broken rule with the path to it', async () => {
    const { account, userErrors } = await run('accountCreate', {
      parentId: rootId,
      kind: 'TEAM',
      name: ' ',
      access: { allowIps: { set: ['nowhere'] }, allowLevels: { apply: '-*' } },
      limits: { concurrency: -1 },
      modelLimits: [{ pattern: 'a b', limits: {} }],
      routing: { gear: 3, switchOver: { text: '1=1' } },
      rates: '0.5',
      tier: 1,
    });
    expect(account).toBeNull();
    expect(userErrors.map(({ code, field }) => [code, field?.join('.')])).toEqual([
      ['INVALID_NAME', 'name'],
      ['INVALID_LIST', 'access.allowIps'],
      ['INVALID_LIST', 'access.allowLevels'],
      ['INVALID_LIMIT', 'limits.concurrency'],
      ['INVALID_MODEL_LIMIT', 'modelLimits.0.pattern'],
      ['INVALID_ROUTING', 'routing.gear'],
      ['INVALID_ROUTING', 'routing.switchOver'],
      ['INVALID_TIER', 'tier'],
      ['INVALID_RATES', 'rates'],
    ]);
  });

  it('makes no second owner, and nothing below an account that is not there', async () => {
    const owners = await run('accountCreate', { parentId: rootId, kind: 'OWNER', name: 'x' });
    expect(owners.userErrors).toMatchObject([{ code: 'INVALID_KIND' }]);
    const stranger = await identity.organization();
    const parentId = encodeId('account', stranger.rootAccountId);
    const foreign = await run('accountCreate', { parentId, kind: 'TEAM', name: 'x' });
    expect(foreign.userErrors).toMatchObject([{ code: 'PARENT_NOT_FOUND', field: ['parentId'] }]);
  });
});

describe('routing of an account', () => {
  it('is taken as a list and as text, and read as both', async () => {
    const id = await create({ routing: { modelMapper: { rules: [{ pattern: 'o*', target: 'gpt-4o' }] } } });
    const { account } = await run('accountUpdate', {
      id,
      routing: {
        modelMapper: { text: 'gpt-4=gpt-4-turbo, o*=gpt-4o' },
        levelMapper: { rules: [{ pattern: 'claude*', level: 2 }] },
        switchOver: { text: '1=2,2=1' },
        modelFailover: { text: 'gpt-4o=gpt-4o-mini' },
      },
    });
    expect(account.routing).toEqual({
      level: 1,
      gear: 0,
      stickyRouting: null,
      modelMapper: {
        rules: [
          { pattern: 'gpt-4', target: 'gpt-4-turbo' },
          { pattern: 'o*', target: 'gpt-4o' },
        ],
        text: 'gpt-4=gpt-4-turbo, o*=gpt-4o',
      },
      levelMapper: { text: 'claude*=2' },
      switchOver: { text: '1=2, 2=1' },
      modelFailover: { text: 'gpt-4o=gpt-4o-mini' },
    });
    const cleared = await run('accountUpdate', { id, routing: { modelMapper: null } });
    expect(cleared.account.routing).toMatchObject({
      modelMapper: { rules: [] },
      switchOver: { text: '1=2, 2=1' },
    });
  });

  it('needs a permission of its own', async () => {
    const id = await create();
    const permissions = owner.permissions.filter((permission) => permission !== 'routing.write');
    const as = { ...owner, permissions };
    await expect(run('accountUpdate', { id, routing: { gear: 1 } }, as)).rejects.toMatchObject({
      code: 'FORBIDDEN',
    });
    expect((await run('accountUpdate', { id, name: 'Free' }, as)).account.name).toBe('Free');
  });
});

it('Rates never fall below the parent’s, and the Tier never rises above it, whichever is changed', async () => {
  await run('accountUpdate', { id: rootId, tier: 2 });
  const parentId = await create({ rates: '1.2', tier: 2 });
  const id = await create({ parentId, rates: '1.5' });
  const code = async (input: object) => (await run('accountUpdate', input)).userErrors[0]?.code;
  expect(await code({ id, rates: '1.199999' })).toBe('INVALID_RATES');
  expect(await code({ id: parentId, rates: '1.6' })).toBe('INVALID_RATES');
  expect(await code({ id: parentId, rates: '1.5' })).toBeUndefined();
  expect(await code({ id, tier: 3 })).toBe('INVALID_TIER');
  expect(await code({ id: parentId, tier: 1 })).toBe('INVALID_TIER');
  expect(await code({ id, tier: 1 })).toBeUndefined();
});

describe('who changes accounts', () => {
  it('refuses to overwrite a change that the caller has not seen', async () => {
    const id = await create();
    const first = await run('accountUpdate', { id, name: 'A', expectedVersion: 1 });
    expect(first.account.version).toBe(2);
    const second = await run('accountUpdate', { id, name: 'B', expectedVersion: 1 });
    expect(second).toMatchObject({ account: null, userErrors: [{ code: 'CONFLICT' }] });
  });

  it('lets an administrative key change what lies below its account, and neither that account nor Levels', async () => {
    const team = await create({ limits: { requestsPerMinute: 10 } });
    const other = await create();
    const key = await keyOn(team);
    const project = await create({ parentId: team, kind: 'PROJECT' }, key);
    expect(
      (await run('accountUpdate', { id: project, limits: { requestsPerMinute: 5 } }, key)).userErrors,
    ).toEqual([]);
    await expect(run('accountUpdate', { id: team, limits: null }, key)).rejects.toMatchObject({
      code: 'FORBIDDEN',
    });
    await expect(run('accountSuspend', { id: team }, key)).rejects.toMatchObject({ code: 'FORBIDDEN' });
    expect((await run('accountUpdate', { id: other, name: 'x' }, key)).userErrors).toMatchObject([
      { code: 'NOT_FOUND' },
    ]);
    for (const change of [
      { tier: 0 },
      { routing: { level: 2 } },
      { routing: { levelMapper: { text: 'a=2' } } },
    ]) {
      await expect(run('accountUpdate', { id: project, ...change }, key)).rejects.toMatchObject({
        code: 'FORBIDDEN',
      });
    }
    const mapped = await run(
      'accountUpdate',
      { id: project, routing: { modelMapper: { text: 'a=b' } } },
      key,
    );
    expect(mapped.userErrors).toEqual([]);
  });

  it('finds no account of another organization, and needs somebody who may', async () => {
    const id = await create();
    const stranger = await identity.ownerOf(await identity.organization());
    expect((await run('accountUpdate', { id, name: 'x' }, stranger)).userErrors).toMatchObject([
      { code: 'NOT_FOUND', field: ['id'] },
    ]);
    const reader = {
      ...owner,
      permissions: ['account.read'] as const satisfies Authenticated['permissions'],
    };
    await expect(run('accountUpdate', { id, name: 'x' }, { ...reader })).rejects.toMatchObject({
      code: 'FORBIDDEN',
    });
    await expect(
      run('accountCreate', { parentId: rootId, kind: 'TEAM', name: 'x' }, { ...reader }),
    ).rejects.toMatchObject({ code: 'FORBIDDEN' });
  });
});

describe('suspension', () => {
  it('refuses the keys of the account and of everything below until it is lifted, and can be repeated', async () => {
    const team = await create();
    const project = await create({ parentId: team });
    const { secret } = await identity.bootstrap.addApiKey({
      organizationId: organization.organizationId,
      accountId: decodeId('account', project) ?? organization.rootAccountId,
      name: 'k',
      scopes: ['admin'],
    });
    const first = await run('accountSuspend', { id: team });
    expect(first.account).toMatchObject({ status: 'SUSPENDED', version: 2 });
    expect((await run('accountSuspend', { id: team })).account.version).toBe(2);
    expect(await (await identity.authenticate({ apiKey: secret })).json()).toMatchObject({
      code: 'ACCOUNT_SUSPENDED',
    });
    await run('accountActivate', { id: team });
    expect((await identity.authenticate({ apiKey: secret })).status).toBe(200);
  });
});
