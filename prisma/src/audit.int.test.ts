import { newUuid } from '@weir/kernel/ids';
import { createTestDatabase, type TestDatabase } from '@weir/testkit/postgres';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

let database: TestDatabase;
let owner: pg.Client;

beforeAll(async () => {
  database = await createTestDatabase();
  owner = new pg.Client({ connectionString: database.url });
  await owner.connect();
});

afterAll(async () => {
  await owner.end();
  await database.drop();
});

async function as(role: string): Promise<pg.Client> {
  const session = new pg.Client({ connectionString: database.url, options: `-c role=${role}` });
  await session.connect();
  return session;
}

const RECORD = `select audit.record($1::uuid, 'system', null, null, 'org.update', 'organization', $1::text, $2, 'SUCCESS',
  null, null, null, '{}')`;

describe('the audit trail', () => {
  it.each(['weir_identity', 'weir_billing', 'weir_analytics'])('takes events of %s', async (role) => {
    const organization = newUuid();
    const session = await as(role);
    await session.query(RECORD, [organization, role]);
    await session.end();
    const { rows } = await owner.query(
      'select sequence, target_name, hash = audit.hash_of(e) as fits from audit.events e where chain_id = $1',
      [organization],
    );
    expect(rows).toEqual([{ sequence: '1', target_name: role, fits: true }]);
  });

  it('is written by nobody else', async () => {
    const session = await as('weir_proxy');
    await expect(session.query(RECORD, [newUuid(), 'x'])).rejects.toThrow('permission denied');
    await session.end();
  });

  it.each([
    ['weir_identity', `insert into audit.events (sequence) values (1)`],
    ['weir_identity', `update audit.events set action = 'org.create'`],
    ['weir_identity', 'delete from audit.events'],
    ['weir_identity', 'select * from audit.events'],
    ['weir_identity', 'update audit.chains set sequence = 0'],
    ['weir_identity', 'select audit.append(null)'],
    ['weir_billing', 'select * from audit.visible_events'],
  ])('refuses %s: %s', async (role, statement) => {
    const session = await as(role);
    await expect(session.query(statement)).rejects.toThrow('permission denied');
    await session.end();
  });

  it.each([
    `update audit.events set action = 'org.create'`,
    'delete from audit.events',
    'truncate audit.events',
    'delete from audit.chains',
  ])('refuses its owner, too: %s', async (statement) => {
    await expect(owner.query(statement)).rejects.toThrow('append-only');
  });

  it('shows an organization its own events and nobody the others', async () => {
    const [one, other] = [newUuid(), newUuid()];
    for (const organization of [one, other, null]) await owner.query(RECORD, [organization, 'x']);
    const session = await as('weir_identity');
    const seen = async (organization: string, platform: string): Promise<unknown[]> => {
      await session.query(
        `select set_config('app.organization_id', $1, false), set_config('app.platform', $2, false)`,
        [organization, platform],
      );
      const { rows } = await session.query<{ id: string | null }>(
        'select distinct organization_id as id from audit.visible_events',
      );
      return rows.map((row) => row.id);
    };
    expect(await seen('', '')).toEqual([]);
    expect(await seen(one, '')).toEqual([one]);
    expect(await seen(other, 'on')).toEqual([other]);
    expect(await seen('', 'on')).toEqual([null]);
    await session.end();
  });

  it('keeps no event of a transaction that is undone', async () => {
    const organization = newUuid();
    await owner.query('begin');
    await owner.query(RECORD, [organization, 'undone']);
    await owner.query('rollback');
    await owner.query(RECORD, [organization, 'done']);
    const { rows } = await owner.query('select sequence, target_name from audit.events where chain_id = $1', [
      organization,
    ]);
    expect(rows).toEqual([{ sequence: '1', target_name: 'done' }]);
  });
});
