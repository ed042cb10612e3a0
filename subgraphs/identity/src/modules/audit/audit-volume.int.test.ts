import pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { newUuid } from '@weir/kernel/ids';
import { createDatabase, type Database } from '@weir/prisma/database';
import { createTestDatabase, type TestDatabase } from '@weir/testkit/postgres';
import type { AuditConditions } from './audit-filter.ts';
import { createAuditStore } from './audit-store.ts';
import { withTrail } from './trail.ts';

/** A million give the same plans and times (docs/audit.md) and take a minute to write. */
const EVENTS = 200_000;
/** What may be read to find one page: it tells an index from a scan, on any machine. */
const ROWS_READ_MAX = EVENTS / 10;

let database: TestDatabase;
let owner: pg.Client;
let db: Database;
const organizationId = newUuid();
const rareActor = newUuid();

beforeAll(async () => {
  database = await createTestDatabase();
  owner = new pg.Client({ connectionString: database.url });
  await owner.connect();
  db = createDatabase({ url: database.url, role: 'weir_identity', max: 2 });
  // Hashes are not what is measured here.
  await owner.query(
    `insert into audit.events (chain_id, sequence, id, occurred_at, actor_type, actor_id, actor_name, action,
       target_type, target_id, target_name, result, metadata, previous_hash, hash)
     select $1::uuid, n, gen_random_uuid(), now() - make_interval(mins => ${String(EVENTS)} - n), 'user',
       case when n % 50000 = 7 then $2::uuid else $1::uuid end,
       case when n % 50000 = 7 then 'rare.person@example.org' else 'person' || n % 50 || '@example.org' end,
       (array['apikey.create', 'apikey.revoke', 'budget.update', 'auth.sign_in', 'account.update'])[1 + n % 5],
       'apiKey', md5(n::text), 'key ' || n % 1000, case when n % 5000 = 0 then 'DENIED' else 'SUCCESS' end, '{}',
       '\\x00', '\\x00'
     from generate_series(1, ${String(EVENTS)}) n`,
    [organizationId, rareActor],
  );
  await owner.query('analyze audit.events');
}, 300_000);

afterAll(async () => {
  await db.$disconnect();
  await owner.end();
  await database.drop();
});

const ago = (minutes: number): Date => new Date(Date.now() - minutes * 60_000);

const CASES: readonly (readonly [string, AuditConditions, bigint | undefined])[] = [
  ['everything', {}, undefined],
  ['a page deep in the middle', {}, 100_000n],
  ['one action', { actions: ['apikey.revoke'] }, undefined],
  ['several actions', { actions: ['apikey.revoke', 'budget.update'] }, undefined],
  ['an action that never happened', { actions: ['org.create'] }, undefined],
  ['a rare actor', { actorId: rareActor }, undefined],
  ['one target', { targetId: newUuid() }, undefined],
  ['what was denied', { result: 'DENIED' }, undefined],
  ['an old week', { since: ago(150_000), until: ago(140_000) }, undefined],
  [
    'an action in an old week',
    { since: ago(150_000), until: ago(140_000), actions: ['auth.sign_in'] },
    undefined,
  ],
  ['a time before everything', { until: ago(2_000_000) }, undefined],
  ['a rare word', { words: ['rare'] }, undefined],
  ['a word that is nowhere', { words: ['nowhere'] }, undefined],
  ['the beginning of a word', { words: ['person7', 'example'] }, undefined],
];

it.each(CASES)(
  'a page of many events is read without reading the many: %s',
  async (name, conditions, before) => {
    const [page, read] = await withTrail(db, organizationId, async (tx) => {
      const rowsRead = async (): Promise<number> => {
        const [{ rows } = { rows: 0n }] = await tx.$queryRaw<{ readonly rows: bigint }[]>`
        select coalesce(sum(seq_tup_read + coalesce(idx_tup_fetch, 0)), 0)::bigint as rows
        from pg_stat_xact_user_tables where schemaname = 'audit'`;
        return Number(rows);
      };
      const readBefore = await rowsRead();
      const events = await createAuditStore(tx).list(conditions, { before, take: 51 });
      return [events.length, (await rowsRead()) - readBefore] as const;
    });
    process.stdout.write(`${name}: ${String(page)} events of ${String(read)} rows\n`);
    expect(read).toBeGreaterThanOrEqual(page);
    expect(read).toBeLessThan(ROWS_READ_MAX);
  },
);
