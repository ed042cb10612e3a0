import { createHash, randomBytes } from 'node:crypto';
import { encodeId, newUuid, type Uuid } from '@weir/kernel/ids';
import type pg from 'pg';

/** Places in a tree of 100,000 accounts below the root of an organization that is there. */
export interface GrownTree {
  readonly organization: Uuid;
  readonly root: Uuid;
  /** Has 10,000 accounts directly below it. */
  readonly wide: Uuid;
  /** Has 10,000 accounts below it: 100, each with 99. */
  readonly branch: Uuid;
  /** Two accounts to move others between. */
  readonly left: Uuid;
  readonly right: Uuid;
  /** An account without any below it. */
  readonly single: Uuid;
  /** Each is directly below the one before, and 10,000 are below all of them; the lowest first. */
  readonly deletable: readonly Uuid[];
  /** The end of a path of ten, with a key; `.acc_….` from the root on. */
  readonly leaf: Uuid;
  readonly leafPath: string;
  /** SHA-256 of keys of accounts all over the tree, the leaf's first. */
  readonly keyHashes: readonly Buffer[];
  /** Rows far down the lists. */
  readonly deep: Position;
  readonly deepChild: Position;
}

interface Position {
  readonly id: Uuid;
  readonly createdAt: string;
  readonly nameKey: string;
}

/** `n` accounts below every account of the CTE `parents`, numbered on. */
const INSERT = `
  insert into identity.accounts (id, organization_id, parent_id, dna, kind, name, status, level, gear, tier, created_at)
  select gen_random_uuid(), p.organization_id, p.id, p.dna || p.id || '.',
    case when n % 10 = 0 then 'PROJECT' else 'SUB_ACCOUNT' end, 'account ' || lpad(n::text, 6, '0'),
    case when n % 1000 = 7 then 'SUSPENDED' else 'ACTIVE' end,
    case when n % 2000 = 11 then 77 else n % 10 end, n % 3, n % 5,
    timestamptz '2026-01-01' + n * interval '1 second'
  from (select p.*, row_number() over () as place from identity.accounts p where p.id = any ($1::uuid[])) as p
  cross join generate_series(1, $2::int) as child
  cross join lateral (select $3::int + (p.place - 1) * $2::int + child as n) as numbered`;

const STRUCTURE_TIER = 4;

export async function growTree(client: pg.Client, organization: Uuid): Promise<GrownTree> {
  const root = await one(
    client,
    'select id from identity.accounts where organization_id = $1 and parent_id is null',
    [organization],
  );
  await client.query('update identity.accounts set tier = $2 where id = $1', [root, STRUCTURE_TIER]);
  let number = 0;
  const addNode = async (parent: Uuid, name: string): Promise<Uuid> => {
    const id = newUuid();
    await client.query(
      `insert into identity.accounts (id, organization_id, parent_id, dna, kind, name, tier, created_at)
       select $1, organization_id, id, dna || id || '.', 'TEAM', $3, $4, timestamptz '2025-12-01' + $5 * interval '1 second'
       from identity.accounts where id = $2`,
      [id, parent, name, STRUCTURE_TIER, ++number],
    );
    return id;
  };
  let grown = 0;
  const addBelow = async (parents: readonly Uuid[], each: number): Promise<void> => {
    await client.query(INSERT, [parents, each, grown]);
    grown += parents.length * each;
  };
  const addTeams = async (parent: Uuid, count: number, each: number): Promise<void> => {
    const teams: Uuid[] = [];
    for (let index = 0; index < count; index++) teams.push(await addNode(parent, `team ${index}`));
    await addBelow(teams, each);
  };
  const [wide, branch, left, right] = [
    await addNode(root, 'wide'),
    await addNode(root, 'branch'),
    await addNode(root, 'left'),
    await addNode(root, 'right'),
  ];
  const single = await addNode(left, 'single');
  await addBelow([wide], 10_000);
  await addTeams(branch, 100, 99);
  const deletable: Uuid[] = [];
  for (let index = 0; index < 5; index++)
    deletable.unshift(await addNode(deletable[0] ?? root, `lift ${index}`));
  await addTeams(deletable[0] ?? root, 100, 99);
  let above = root;
  const path = [root];
  for (let index = 1; index < 10; index++) path.push((above = await addNode(above, `depth ${index}`)));
  await addTeams(root, 100, 700);
  await client.query('vacuum analyze identity.accounts');
  const keyHashes = await addKeys(client, organization, above);
  return {
    ...{ organization, root, wide, branch, left, right, single, deletable, keyHashes },
    leaf: above,
    leafPath: `.${path.map((id) => `${encodeId('account', id)}.`).join('')}`,
    deep: await position(client, 'organization_id = $1', organization, 90_000),
    deepChild: await position(client, 'parent_id = $1', wide, 9_000),
  };
}

async function addKeys(client: pg.Client, organization: Uuid, leaf: Uuid): Promise<readonly Buffer[]> {
  const found = await client.query<{ id: Uuid }>(
    `select id from identity.accounts where organization_id = $1 and kind = 'SUB_ACCOUNT' order by random() limit 199`,
    [organization],
  );
  const hashes: Buffer[] = [];
  for (const accountId of [leaf, ...found.rows.map(({ id }) => id)]) {
    const hash = createHash('sha256').update(randomBytes(32)).digest();
    await client.query(
      `insert into identity.api_keys (id, organization_id, account_id, name, key_hash, prefix, last4, scopes)
       values ($1, $2, $3, 'key', $4, 'sk-Xvs', '0000', array['inference:write'])`,
      [newUuid(), organization, accountId, hash],
    );
    hashes.push(hash);
  }
  return hashes;
}

async function one(client: pg.Client, text: string, values: readonly unknown[]): Promise<Uuid> {
  const { rows } = await client.query<{ id: Uuid }>(text, [...values]);
  const [row] = rows;
  if (!row) throw new Error(`nothing found: ${text}`);
  return row.id;
}

async function position(client: pg.Client, where: string, value: Uuid, offset: number): Promise<Position> {
  const { rows } = await client.query<{ id: Uuid; created_at: Date; name_key: string }>(
    `select id, created_at, name_key from identity.accounts where ${where} order by created_at, id offset $2 limit 1`,
    [value, offset],
  );
  const [row] = rows;
  if (!row) throw new Error('the tree is not as large as it should be');
  return { id: row.id, createdAt: row.created_at.toISOString(), nameKey: row.name_key };
}
