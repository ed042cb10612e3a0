import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Authenticated } from '@weir/contracts/internal-identity';
import { encodeId, newUuid } from '@weir/kernel/ids';
import { startTestIdentity, type TestIdentity, type TestOrganization } from '../../test-identity.ts';
import { accountTools, type AccountTools } from './test-accounts.ts';

let identity: TestIdentity;
let organization: TestOrganization;
let owner: Authenticated;
let tools: AccountTools;

const MOVE = `mutation ($input: AccountMoveInput!) { accountMove(input: $input) {
  account { id dna parent { id } access { allowModels } limits { requestsPerMinute } tier rates version }
  movedCount narrowedCount conflicts { account { id name } code field message } userErrors { code field message } } }`;

interface MovePayload {
  readonly account: { readonly id: string; readonly dna: string; readonly version: number } | null;
  readonly movedCount: number | null;
  readonly narrowedCount: number | null;
  readonly conflicts: readonly { readonly account: { readonly name: string }; readonly code: string }[];
  readonly userErrors: readonly { readonly code: string }[];
}

async function move(input: object, as = owner): Promise<MovePayload> {
  const answer = await identity.graphql(MOVE, { input }, as);
  if (answer.errors) throw Object.assign(new Error(answer.errors[0]?.message), answer.errors[0]?.extensions);
  return answer.data?.['accountMove'] as MovePayload;
}

async function dnaOf(id: string): Promise<string> {
  const answer = await identity.graphql('query ($id: ID!) { account(id: $id) { dna } }', { id }, owner);
  return (answer.data?.['account'] as { dna: string }).dna;
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

describe('moving an account', () => {
  it('takes everything below it along, in their paths, too', async () => {
    const [a, b] = [await tools.create({ name: 'A' }), await tools.create({ name: 'B' })];
    const middle = await tools.create({ parentId: a, name: 'Middle' });
    const leaf = await tools.create({ parentId: middle, name: 'Leaf' });
    const moved = await move({ id: middle, parentId: b });
    expect(moved).toMatchObject({
      movedCount: 2,
      narrowedCount: 0,
      userErrors: [],
      account: { parent: { id: b } },
    });
    expect(await dnaOf(middle)).toBe(`.${tools.rootId}.${b}.`);
    expect(await dnaOf(leaf)).toBe(`.${tools.rootId}.${b}.${middle}.`);
  });

  it('is refused below itself, for the root, to another organization and for another version', async () => {
    const a = await tools.create({ name: 'A' });
    const below = await tools.create({ parentId: a, name: 'Below' });
    const other = await identity.organization();
    const codes = async (input: object) => (await move(input)).userErrors.map(({ code }) => code);
    expect(await codes({ id: a, parentId: below })).toEqual(['CYCLE']);
    expect(await codes({ id: a, parentId: a })).toEqual(['CYCLE']);
    expect(await codes({ id: tools.rootId, parentId: a })).toEqual(['INVALID_KIND']);
    expect(await codes({ id: a, parentId: encodeId('account', other.rootAccountId) })).toEqual([
      'PARENT_NOT_FOUND',
    ]);
    expect(await codes({ id: encodeId('account', other.rootAccountId), parentId: a })).toEqual(['NOT_FOUND']);
    expect(await codes({ id: encodeId('account', newUuid()), parentId: a })).toEqual(['NOT_FOUND']);
    expect(await codes({ id: below, parentId: tools.rootId, expectedVersion: 7 })).toEqual(['CONFLICT']);
  });

  it('lists every setting that does not fit the new place, and changes nothing then', async () => {
    const tight = await tools.create({
      name: 'Tight',
      access: { allowModels: { set: ['gpt-*'] } },
      limits: { requestsPerMinute: 10 },
      rates: '2',
    });
    await tools.run('accountUpdate', { id: tools.rootId, tier: 3 });
    const loose = await tools.create({ name: 'Loose', tier: 3 });
    const leaf = await tools.create({
      parentId: loose,
      name: 'Leaf',
      access: { allowModels: { set: ['gpt-4o', 'claude-*'] } },
      limits: { requestsPerMinute: 50 },
    });
    await tools.run('accountUpdate', { id: tight, tier: 1 });
    const refused = await move({ id: loose, parentId: tight });
    expect(refused.userErrors.map(({ code }) => code)).toEqual(['MOVE_CONFLICT']);
    expect(refused.conflicts.map(({ account, code }) => [account.name, code])).toEqual([
      ['Leaf', 'BEYOND_PARENT'],
      ['Leaf', 'ABOVE_PARENT'],
      ['Loose', 'INVALID_TIER'],
      ['Loose', 'INVALID_RATES'],
      ['Leaf', 'INVALID_TIER'],
      ['Leaf', 'INVALID_RATES'],
    ]);
    expect(await dnaOf(leaf)).toBe(`.${tools.rootId}.${loose}.`);
    const narrowed = await move({ id: loose, parentId: tight, onConflict: 'NARROW' });
    expect(narrowed).toMatchObject({
      movedCount: 2,
      narrowedCount: 1,
      conflicts: [],
      account: { tier: 1, rates: '2' },
    });
    const seen = await tools.run('accountUpdate', { id: leaf, name: 'Leaf' });
    expect(seen.account).toMatchObject({
      access: { allowModels: ['gpt-4o'] },
      limits: { requestsPerMinute: 10 },
      tier: 1,
      rates: '2',
    });
  });

  it('needs the right to lift a blocking budget that it would leave', async () => {
    const budgeted = await tools.create({ name: 'Budgeted' });
    const inside = await tools.create({ parentId: budgeted, name: 'Inside' });
    await identity.addBudget(organization, budgeted);
    const without = { ...owner, permissions: owner.permissions.filter((p) => p !== 'org.budget.write') };
    await expect(move({ id: inside, parentId: tools.rootId }, without)).rejects.toMatchObject({
      code: 'FORBIDDEN',
    });
    expect(await move({ id: inside, parentId: tools.rootId })).toMatchObject({ movedCount: 1 });
  });
});

describe('at the same time', () => {
  it('two moves into each other leave no cycle', async () => {
    const [a, b] = [await tools.create({ name: 'A' }), await tools.create({ name: 'B' })];
    for (let round = 0; round < 5; round++) {
      await Promise.all([move({ id: a, parentId: tools.rootId }), move({ id: b, parentId: tools.rootId })]);
      const both = await Promise.all([move({ id: a, parentId: b }), move({ id: b, parentId: a })]);
      expect(both.flatMap(({ userErrors }) => userErrors.map(({ code }) => code))).toEqual(['CYCLE']);
    }
  });

  it('a move and creations below it leave every path equal to the chain of parents', async () => {
    const [a, b] = [await tools.create({ name: 'A' }), await tools.create({ name: 'B' })];
    const moving = await tools.create({ parentId: a, name: 'Moving' });
    for (let round = 0; round < 5; round++) {
      const target = round % 2 === 0 ? b : a;
      const [, ...created] = await Promise.all([
        move({ id: moving, parentId: target }),
        ...Array.from({ length: 4 }, (_, n) =>
          tools.create({ parentId: moving, name: `Child ${round} ${n}` }),
        ),
      ]);
      for (const id of created) expect(await dnaOf(id)).toBe(`.${tools.rootId}.${target}.${moving}.`);
    }
  });
});
