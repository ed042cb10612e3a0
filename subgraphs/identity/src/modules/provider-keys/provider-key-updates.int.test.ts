import pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Authenticated } from '@weir/contracts/internal-identity';
import { parseCidr } from '@weir/kernel/cidr';
import { decodeId } from '@weir/kernel/ids';
import { startTestIdentity, type TestIdentity } from '../../test-identity.ts';

let identity: TestIdentity;
let db: pg.Client;
let owner: Authenticated;

beforeAll(async () => {
  const loopback = parseCidr('127.0.0.0/8');
  identity = await startTestIdentity({ privateNetworks: loopback ? [loopback] : [] });
  db = new pg.Client({ connectionString: identity.databaseUrl });
  await db.connect();
});
afterAll(async () => {
  await db.end();
  await identity.stop();
});

interface Payload {
  readonly providerKey: { readonly id: string } | null;
  readonly userErrors: readonly { readonly code: string }[];
}

async function mutate(name: string, input: object): Promise<Payload> {
  const answer = await identity.graphql(
    `mutation ($input: ${name.charAt(0).toUpperCase() + name.slice(1)}Input!) { ${name}(input: $input) {
       providerKey { id weight baseUrl config { ... on OpenAiKeyConfig { organization } } } userErrors { code } } }`,
    { input },
    owner,
  );
  if (!answer.data?.[name]) throw new Error(JSON.stringify(answer.errors));
  return answer.data[name] as Payload;
}

/** Sessions of this database that wait for a lock. */
async function waiters(): Promise<number> {
  const { rows } = await db.query<{ count: number }>(
    `select count(*)::int as count from pg_stat_activity
     where datname = current_database() and wait_event_type = 'Lock'`,
  );
  return rows[0]?.count ?? 0;
}

it('an update changes what it names alone, whatever others have changed since the key was read for it', async () => {
  const organization = await identity.organization();
  owner = await identity.ownerOf(organization);
  const { providerKey } = await mutate('providerKeyAdd', {
    organizationId: organization.id,
    name: 'OpenAI',
    provider: 'OPENAI',
    secret: 'sk-of-the-first-host-0001',
    level: 1,
  });
  const id = providerKey?.id ?? '';
  const elsewhere = { baseUrl: 'http://127.0.0.1:9/v1', secret: 'sk-of-another-host-000001' };
  await db.query('begin');
  await db.query('select from identity.provider_keys where id = $1 for update', [
    decodeId('providerKey', id),
  ]);
  const waiting = [
    mutate('providerKeyUpdate', { id, config: { openai: { organization: 'org-new' } } }),
    mutate('providerKeyReplace', { id, ...elsewhere }),
    mutate('providerKeyUpdate', { id, weight: 7 }),
  ];
  // All of them have read the key, and none has written.
  await expect.poll(waiters).toBe(waiting.length);
  await db.query('commit');
  expect((await Promise.all(waiting)).flatMap(({ userErrors }) => userErrors)).toEqual([]);
  const settled = await mutate('providerKeyUpdate', { id, name: 'Settled' });
  expect(settled.providerKey).toMatchObject({
    weight: 7,
    config: { organization: 'org-new' },
    baseUrl: elsewhere.baseUrl,
  });
});
