import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Authenticated } from '@weir/contracts/internal-identity';
import { decodeId, encodeId } from '@weir/kernel/ids';
import { startTestIdentity, type TestIdentity, type TestOrganization } from '../../test-identity.ts';

let identity: TestIdentity;
let organization: TestOrganization;
let owner: Authenticated;
let rootId: string;

beforeAll(async () => {
  identity = await startTestIdentity();
});
afterAll(() => identity.stop());
beforeEach(async () => {
  organization = await identity.organization();
  owner = await identity.ownerOf(organization);
  rootId = encodeId('account', organization.rootAccountId);
});

const ACCOUNT = `
  id name kind status version tier rates parent { id }
  access { allowIps allowModels resources allowLevels }
  effectiveAccess { allowIps allowModels resources allowLevels }
  limits { requestsPerMinute tokensPerDay concurrency } modelLimits { pattern limits { requestsPerMinute tokensPerDay } }
  routing { level gear stickyRouting modelMapper { rules { pattern target } text } levelMapper { text } switchOver { text } modelFailover { text } }`;

interface Payload {
  readonly account: {
    readonly id: string;
    readonly version: number;
    readonly name: string;
    readonly access: unknown;
    readonly limits: unknown;
    readonly routing: unknown;
  };
  readonly userErrors: readonly { code: string; field: string[] | null; message: string }[];
}

async function run(name: string, input: object, as = owner): Promise<Payload> {
  const type = `${name.charAt(0).toUpperCase()}${name.slice(1)}Input!`;
  const answer = await identity.graphql(
    `mutation ($input: ${type}) { ${name}(input: $input) { account { ${ACCOUNT} } userErrors { code field message } } }`,
    { input },
    as,
  );
  if (answer.errors) throw Object.assign(new Error(answer.errors[0]?.message), answer.errors[0]?.extensions);
  return answer.data?.[name] as Payload;
}

async function create(input: object = {}, as = owner): Promise<string> {
  const { account, userErrors } = await run(
    'accountCreate',
    { parentId: rootId, kind: 'TEAM', name: 'Team', ...input },
    as,
  );
  expect(userErrors).toEqual([]);
  return account.id;
}

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

describe('a list of an account', () => {
  it('must lie within the lists of everything above it, the entry and the account being named', async () => {
    const parentId = await create({
      name: 'Research',
      access: {
        allowIps: { set: ['10.0.0.0/8'] },
        allowModels: { set: ['gpt-*'] },
        resources: { set: ['/v1'] },
        allowLevels: { set: [1, 2] },
      },
    });
    const middle = await create({ parentId, name: 'Middle' });
    const fits = await run('accountCreate', {
      parentId: middle,
      kind: 'PROJECT',
      name: 'fits',
      access: {
        allowIps: { set: ['10.1.0.0/16'] },
        allowModels: { apply: 'gpt-4*, gpt-5' },
        resources: { set: ['/v1/chat/completions'] },
        allowLevels: { set: [2] },
      },
    });
    expect(fits.userErrors).toEqual([]);
    const { userErrors } = await run('accountUpdate', {
      id: fits.account.id,
      access: {
        allowIps: { apply: '11.0.0.1' },
        allowModels: { set: ['gpt-4*', '*'] },
        resources: { set: ['/v2'] },
        allowLevels: { apply: '3' },
      },
    });
    expect(userErrors.map(({ code, message }) => [code, message])).toEqual([
      [
        'BEYOND_PARENT',
        '"11.0.0.1" allows more than allowIps of the account "Research", and would never take effect there.',
      ],
      ['INVALID_LIST', '"*" stands alone: it lifts the restriction.'],
      [
        'BEYOND_PARENT',
        '"/v2" allows more than resources of the account "Research", and would never take effect there.',
      ],
      [
        'BEYOND_PARENT',
        '"3" allows more than allowLevels of the account "Research", and would never take effect there.',
      ],
    ]);
  });

  it('shows what remains of it when an account above narrows later, and can then be put right', async () => {
    const parentId = await create({ access: { allowModels: { set: ['gpt-*', 'o*'] } } });
    const childId = await create({ parentId, access: { allowModels: { set: ['gpt-4*', 'o1'] } } });
    await run('accountUpdate', { id: parentId, access: { allowModels: { apply: '-o*' } } });
    const seen = await run('accountUpdate', { id: childId, name: 'Child' });
    expect(seen.account).toMatchObject({
      name: 'Child',
      access: { allowModels: ['gpt-4*', 'o1'] },
      effectiveAccess: { allowModels: ['gpt-4*'] },
    });
    const repaired = await run('accountUpdate', { id: childId, access: { allowModels: { apply: '-o1' } } });
    expect(repaired.account.access).toMatchObject({ allowModels: ['gpt-4*'] });
    const again = await run('accountUpdate', { id: childId, access: { allowModels: { apply: 'o1' } } });
    expect(again.userErrors).toMatchObject([{ code: 'BEYOND_PARENT' }]);
  });

  it('is lifted by null and by "*", emptied by "-*", and left alone when it is not named', async () => {
    const id = await create({ access: { allowModels: { set: ['a'] }, allowIps: { set: ['::1'] } } });
    const change = async (access: object) => (await run('accountUpdate', { id, access })).account.access;
    expect(await change({ allowModels: { apply: '-*' } })).toMatchObject({
      allowModels: [],
      allowIps: ['::1'],
    });
    expect(await change({ allowModels: { apply: '*' } })).toMatchObject({ allowModels: null });
    expect(await change({ allowIps: null })).toMatchObject({ allowIps: null });
    expect(await change({ allowModels: { set: ['b'] } })).toMatchObject({ allowModels: ['b'] });
    expect(await change({ allowModels: { set: null } })).toMatchObject({ allowModels: null });
  });

  it('is either set or operated on', async () => {
    const id = await create();
    await expect(
      run('accountUpdate', { id, access: { allowModels: { set: ['a'], apply: 'b' } } }),
    ).rejects.toMatchObject({ code: 'BAD_USER_INPUT' });
    await expect(run('accountUpdate', { id, access: { allowModels: {} } })).rejects.toMatchObject({
      code: 'BAD_USER_INPUT',
    });
  });
});

describe('a limit of an account', () => {
  it('cannot be above the same limit of anything above it, which is named with its limit', async () => {
    const parentId = await create({
      name: 'Research',
      limits: { requestsPerMinute: 60, tokensPerDay: '5000000000' },
      modelLimits: [{ pattern: 'gpt-*', limits: { requestsPerMinute: 30 } }],
    });
    const middle = await create({ parentId });
    const limits = { requestsPerMinute: 61, tokensPerDay: 5_000_000_000, concurrency: 1_000 };
    const refused = await run('accountUpdate', {
      id: middle,
      limits,
      modelLimits: [
        { pattern: 'gpt-4o', limits: { requestsPerMinute: 31 } },
        { pattern: 'o1', limits: { requestsPerMinute: 61 } },
        { pattern: 'o3', limits: { requestsPerMinute: 60 } },
      ],
    });
    expect(refused.userErrors.map(({ code, field, message }) => [code, field?.join('.'), message])).toEqual([
      [
        'ABOVE_PARENT',
        'limits.requestsPerMinute',
        'requestsPerMinute of 61 would never take effect: the account "Research" has a limit of 60.',
      ],
      [
        'ABOVE_PARENT',
        'modelLimits.0.limits.requestsPerMinute',
        'requestsPerMinute of 31 would never take effect: the account "Research", for "gpt-*", has a limit of 30.',
      ],
      [
        'ABOVE_PARENT',
        'modelLimits.1.limits.requestsPerMinute',
        'requestsPerMinute of 61 would never take effect: the account "Research" has a limit of 60.',
      ],
    ]);
    const fits = await run('accountUpdate', { id: middle, limits: { ...limits, requestsPerMinute: 60 } });
    expect(fits.account.limits).toEqual({
      requestsPerMinute: 60,
      tokensPerDay: '5000000000',
      concurrency: 1_000,
    });
  });

  it('is bound by the organization, too', async () => {
    const answer = await identity.graphql(
      `mutation ($input: OrganizationUpdateInput!) { organizationUpdate(input: $input) {
        organization { name timeZone version limits { concurrency } modelLimits { pattern limits { tokensPerHour } } }
        userErrors { code } } }`,
      {
        input: {
          id: organization.id,
          expectedVersion: 1,
          name: 'Renamed',
          timeZone: 'Asia/Tokyo',
          limits: { concurrency: 4 },
          modelLimits: [{ pattern: '*', limits: { tokensPerHour: 10 } }],
        },
      },
      owner,
    );
    expect(answer.data).toEqual({
      organizationUpdate: {
        organization: {
          name: 'Renamed',
          timeZone: 'Asia/Tokyo',
          version: 2,
          limits: { concurrency: 4 },
          modelLimits: [{ pattern: '*', limits: { tokensPerHour: '10' } }],
        },
        userErrors: [],
      },
    });
    const { userErrors } = await run('accountUpdate', { id: rootId, limits: { concurrency: 5 } });
    expect(userErrors[0]?.message).toContain('the organization "Renamed" has a limit of 4');
  });

  it('is cleared by null, one or all, and left alone when it is not named', async () => {
    const id = await create({ limits: { requestsPerMinute: 1, concurrency: 0 } });
    const limits = async (change: unknown) =>
      (await run('accountUpdate', { id, limits: change })).account.limits;
    expect(await limits({ requestsPerMinute: null })).toMatchObject({
      requestsPerMinute: null,
      concurrency: 0,
    });
    expect(await limits(null)).toMatchObject({ concurrency: null });
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
