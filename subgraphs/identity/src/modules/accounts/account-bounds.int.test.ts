import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Authenticated } from '@weir/contracts/internal-identity';
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
