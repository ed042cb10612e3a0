/**
 * `npm run bench:tree`: an organization of 100,000 accounts, made by SQL; lists, moves, deletions and changes of it by
 * GraphQL through the gateway, and the resolution of policies beside them. Milliseconds as a client sees them.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { signIn, type Session } from '@weir/e2e/graphql';
import { encodeCursor } from '@weir/kernel/cursor';
import { decodeId, encodeId, type Uuid } from '@weir/kernel/ids';
import pg from 'pg';
import { percentile } from './added-latency.ts';
import { argument } from './argument.ts';
import { printTable } from './table.ts';
import { startProvider } from './targets.ts';
import { growTree, type GrownTree } from './tree-rows.ts';
import { policyResolution } from './tree-policy.ts';
import { embeddedTarget } from './weir-targets.ts';

const times = Number(argument('times', '30'));
const rows: string[][] = [];

async function measure(name: string, count: number, work: (time: number) => Promise<unknown>): Promise<void> {
  const samples: number[] = [];
  for (let time = 0; time < count; time++) {
    const startedAt = performance.now();
    await work(time);
    samples.push(performance.now() - startedAt);
  }
  report(name, samples);
}

function report(name: string, samples: readonly number[]): void {
  const inMs = (share: number) => percentile([...samples], share).toFixed(1);
  process.stderr.write(`${name}: ${inMs(50)} ms\n`);
  rows.push([name, String(samples.length), inMs(50), inMs(95), Math.max(...samples).toFixed(1)]);
}

const FIELDS = 'nodes { id name kind status } pageInfo { endCursor }';
const LIST = `query ($id: ID!, $after: String, $filter: AccountFilter, $orderBy: AccountOrder) {
  organization(id: $id) { accounts(first: 100, after: $after, filter: $filter, orderBy: $orderBy) { ${FIELDS} } } }`;
const COUNTED = LIST.replace('status }', 'status childrenCount descendantsCount }');
const CHILDREN = `query ($id: ID!, $after: String) { account(id: $id) { children(first: 100, after: $after) { ${FIELDS} } } }`;
const BY_PATH = 'query ($path: String!) { account(path: $path) { id } }';

async function lists(session: Session, organizationId: string, tree: GrownTree): Promise<void> {
  const ask = (query: string, variables: Record<string, unknown>) =>
    session.ask(query, { id: organizationId, ...variables });
  const path = `.${encodeId('account', tree.root)}.${encodeId('account', tree.branch)}.`;
  const filters: readonly (readonly [string, object])[] = [
    ['no filter', {}],
    ['search "account 0421"', { search: 'account 0421' }],
    ['name begins with "account 0421"', { name: { startsWith: 'account 0421' } }],
    ['name contains what no account has', { name: { contains: 'nowhere' } }],
    ['Level that 50 have (L77)', { search: 'L77' }],
    ['Level that 10,000 have', { levels: [3] }],
    ['Gear', { gears: [2] }],
    ['Tier', { tiers: [4] }],
    ['kind that 10,000 have', { kinds: ['PROJECT'] }],
    ['status that 100 have', { statuses: ['SUSPENDED'] }],
    ['path of 10,000', { path }],
    ['"L3 G0 T2" and path', { search: `L3 G0 T2 ${path}` }],
    ['id', { ids: [encodeId('account', tree.leaf)] }],
  ];
  for (const [name, filter] of filters) await measure(`list: ${name}`, times, () => ask(LIST, { filter }));
  const deep = encodeCursor('accounts.createdAt.asc', [tree.deep.createdAt, tree.deep.id]);
  for (const [name, filter] of filters.filter(([, { ...members }]) => !('ids' in members))) {
    await measure(`list from the 90,000th on: ${name}`, times, () => ask(LIST, { filter, after: deep }));
  }
  const byName = { field: 'NAME', direction: 'DESC' };
  const deepName = encodeCursor('accounts.name.desc', [tree.deep.nameKey, tree.deep.id]);
  await measure('list by name, backwards', times, () => ask(LIST, { orderBy: byName }));
  await measure('list by name, deep', times, () => ask(LIST, { orderBy: byName, after: deepName }));
  await measure('list with counts of children and descendants', times, () => ask(COUNTED, {}));
  const wide = encodeId('account', tree.wide);
  await measure('children of a node with 10,000', times, () => session.ask(CHILDREN, { id: wide }));
  const deepChild = encodeCursor('accounts.createdAt.asc', [tree.deepChild.createdAt, tree.deepChild.id]);
  await measure('children of it, deep', times, () => session.ask(CHILDREN, { id: wide, after: deepChild }));
  await measure('account by a path of 10', times, () => session.ask(BY_PATH, { path: tree.leafPath }));
}

async function must(session: Session, name: string, input: object): Promise<void> {
  const type = `${name.charAt(0).toUpperCase()}${name.slice(1)}Input!`;
  const query = `mutation ($input: ${type}) { ${name}(input: $input) { userErrors { message } } }`;
  const answer = await session.ask<Record<string, { userErrors: unknown[] }>>(query, { input });
  if (answer[name]?.userErrors.length !== 0) throw new Error(`${name}: ${JSON.stringify(answer)}`);
}

const publicId = (id: Uuid): string => encodeId('account', id);

async function changes(session: Session, tree: GrownTree): Promise<void> {
  const move = (id: Uuid, parentId: Uuid) =>
    must(session, 'accountMove', { id: publicId(id), parentId: publicId(parentId) });
  await measure('move of one account', times, (time) =>
    move(tree.single, time % 2 === 0 ? tree.left : tree.right),
  );
  await measure('move of a subtree of 10,000', 10, (time) =>
    move(tree.branch, time % 2 === 0 ? tree.left : tree.right),
  );
  await measure('deletion of a node with 10,000 below it', tree.deletable.length, (time) =>
    must(session, 'accountDelete', { id: publicId(tree.deletable[time] ?? tree.root) }),
  );
  const cascade = (operation: string, dryRun: boolean) =>
    must(session, 'accountSubtreeUpdate', {
      ...{ id: publicId(tree.root), includeSelf: false, dryRun },
      access: { allowModels: { apply: operation } },
    });
  await measure('change of 100,000 accounts, dry run', 5, () => cascade('demo-*', true));
  await measure('change of 100,000 accounts', 6, (time) => cascade(time % 2 === 0 ? 'demo-*' : '*', false));
  await measure('list after all of it: no filter', times, () =>
    session.ask(LIST, { id: encodeId('organization', tree.organization) }),
  );
}

const provider = await startProvider();
const weir = await embeddedTarget(provider);
const client = new pg.Client({ connectionString: weir.databaseUrl });
await client.connect();
try {
  const session = await signIn(weir.access);
  const organizationId = decodeId('organization', weir.access.organizationId);
  if (organizationId === undefined) throw new Error('the demo has an organization');
  const tree = await growTree(client, organizationId);
  await lists(session, weir.access.organizationId, tree);
  const resolved = await policyResolution(weir.databaseUrl, tree, async (signal) => {
    for (let time = 0; !signal.aborted; time++) {
      const parentId = publicId(time % 2 === 0 ? tree.left : tree.right);
      await must(session, 'accountMove', { id: publicId(tree.branch), parentId });
      await pause(50);
    }
  });
  for (const { name, samples } of resolved) report(name, samples);
  await changes(session, tree);
  printTable('Tree of 100,000 accounts, milliseconds', ['operation', 'times', 'p50', 'p95', 'max'], rows);
} finally {
  await client.end();
  await weir.stop();
  await provider.stop();
}
