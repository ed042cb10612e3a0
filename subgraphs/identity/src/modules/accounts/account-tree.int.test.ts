import fc from 'fast-check';
import pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Authenticated } from '@weir/contracts/internal-identity';
import { firstBeyond } from '@weir/kernel/acl-containment';
import { decodeId } from '@weir/kernel/ids';
import { startTestIdentity, type TestIdentity, type TestOrganization } from '../../test-identity.ts';
import { accountTools, type AccountTools } from './test-accounts.ts';

/** What is done to the tree; numbers choose among the accounts that are there at the moment. */
type Step =
  | { readonly do: 'create'; readonly parent: number; readonly models: readonly string[] | null }
  | { readonly do: 'move'; readonly account: number; readonly parent: number; readonly narrows: boolean }
  | { readonly do: 'delete' | 'suspend'; readonly account: number }
  | { readonly do: 'cascade'; readonly account: number; readonly operation: string };

const place = fc.nat(30);
const models = fc.option(
  fc.uniqueArray(fc.constantFrom('a', 'b', 'c', 'a*', '*b'), { minLength: 1, maxLength: 3 }),
);
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('create' as const), parent: place, models }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('move' as const),
      account: place,
      parent: place,
      narrows: fc.boolean(),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constantFrom('delete' as const, 'suspend' as const), account: place }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('cascade' as const),
      account: place,
      operation: fc.constantFrom('a', '-b', '*', '-*'),
    }),
  },
);

let identity: TestIdentity;
let owner: Authenticated;
let organization: TestOrganization;
let tools: AccountTools;
let client: pg.Client;

beforeAll(async () => {
  identity = await startTestIdentity();
  client = new pg.Client({ connectionString: identity.databaseUrl });
  await client.connect();
});
afterAll(async () => {
  await client.end();
  await identity.stop();
});

async function mutate(name: string, input: object): Promise<void> {
  const type = `${name.charAt(0).toUpperCase()}${name.slice(1)}Input!`;
  const query = `mutation ($input: ${type}) { ${name}(input: $input) { userErrors { code } } }`;
  const { errors } = await identity.graphql(query, { input }, owner);
  expect(errors, JSON.stringify(errors)).toBeUndefined();
}

const isThere = <T>(value: T | null): value is T => value !== null;

async function take(next: Step, ids: string[]): Promise<void> {
  const at = (index: number): string => ids[index % ids.length] ?? tools.rootId;
  switch (next.do) {
    case 'create': {
      const access = next.models && { allowModels: { set: next.models } };
      const input = { parentId: at(next.parent), kind: 'TEAM', name: 'Team', access };
      // What the parent does not allow is refused, and the tree is as it was.
      const { account } = await tools.run('accountCreate', input);
      if (isThere(account)) ids.push(account.id);
      return;
    }
    case 'move':
      return mutate('accountMove', {
        ...{
          id: at(next.account),
          parentId: at(next.parent),
          onConflict: next.narrows ? 'NARROW' : 'REFUSE',
        },
      });
    case 'cascade':
      return mutate('accountSubtreeUpdate', {
        ...{ id: at(next.account), access: { allowModels: { apply: next.operation } } },
      });
    case 'delete':
      return mutate('accountDelete', { id: at(next.account) });
    default:
      return mutate('accountSuspend', { id: at(next.account) });
  }
}

interface Row {
  readonly id: string;
  readonly parent_id: string | null;
  readonly dna: string;
  readonly status: string;
}

async function rows(): Promise<ReadonlyMap<string, Row>> {
  const found = await client.query<Row>(
    'select id, parent_id, dna, status from identity.accounts where organization_id = $1',
    [organization.organizationId],
  );
  return new Map(found.rows.map((row) => [row.id, row]));
}

function expectPaths(tree: ReadonlyMap<string, Row>): void {
  for (const row of tree.values()) {
    const chain: string[] = [];
    for (let above = row.parent_id; above !== null; above = tree.get(above)?.parent_id ?? null) {
      chain.unshift(above);
      expect(chain.length, 'no cycle').toBeLessThanOrEqual(tree.size);
    }
    expect(row.dna).toBe(`.${chain.map((id) => `${id}.`).join('')}`);
    if (row.parent_id !== null) expect(tree.get(row.parent_id)?.status).not.toBe('DELETED');
  }
}

/** Whatever is done to lists, what an account can use at most lies within what the account above it can. */
async function expectEffectiveLists(ids: readonly string[]): Promise<void> {
  const query =
    'query ($id: ID!) { account(id: $id) { effectiveAccess { allowModels } parent { effectiveAccess { allowModels } } } }';
  interface Node {
    readonly effectiveAccess: { readonly allowModels: readonly string[] | null };
    readonly parent: Node | null;
  }
  for (const id of ids) {
    const { data } = await identity.graphql(query, { id }, owner);
    const { effectiveAccess, parent } = data?.['account'] as Node;
    const above = parent?.effectiveAccess.allowModels ?? null;
    if (above !== null) expect(effectiveAccess.allowModels).not.toBeNull();
    expect(firstBeyond('allowModels', effectiveAccess.allowModels ?? [], above)).toBeUndefined();
  }
}

it(
  'whatever is created, moved, deleted, suspended and changed, the tree stays one',
  { timeout: 240_000 },
  async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 25 }), async (steps) => {
        organization = await identity.organization();
        owner = await identity.ownerOf(organization);
        tools = accountTools(identity, organization, owner);
        const ids = [tools.rootId];
        for (const next of steps) await take(next, ids);
        const tree = await rows();
        expectPaths(tree);
        await expectEffectiveLists(
          ids.filter((id) => tree.get(decodeId('account', id) ?? '')?.status !== 'DELETED'),
        );
      }),
      { numRuns: 25 },
    );
  },
);
