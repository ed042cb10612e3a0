import fc from 'fast-check';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { auditedBySystem, recordAudit } from '@weir/graphql/audit';
import { systemClock } from '@weir/kernel/clock';
import { newUuid, type Uuid } from '@weir/kernel/ids';
import { createDatabase, type Database } from '@weir/prisma/database';
import { withTenant } from '@weir/prisma/tenant';
import { createTestDatabase, type TestDatabase } from '@weir/testkit/postgres';
import { purgeAuditTrails } from './audit-retention.ts';
import { withTrail } from './trail.ts';
import { verifyChain, type ChainAnchor } from './audit-verification.ts';

let database: TestDatabase;
let owner: pg.Client;
let identity: Database;
let billing: Database;

beforeAll(async () => {
  database = await createTestDatabase();
  owner = new pg.Client({ connectionString: database.url });
  await owner.connect();
  identity = createDatabase({ url: database.url, role: 'weir_identity' });
  billing = createDatabase({ url: database.url, role: 'weir_billing' });
});

afterAll(async () => {
  await Promise.all([identity.$disconnect(), billing.$disconnect(), owner.end()]);
  await database.drop();
});

const record = (db: Database, organizationId: Uuid | null, name: string, fails = false): Promise<void> =>
  withTenant(db, { organizationId }, async (tx) => {
    await recordAudit(tx, auditedBySystem, {
      organizationId,
      action: 'org.update',
      target: { type: 'organization', id: organizationId, name },
      metadata: { name, ratio: 0.1 },
    });
    if (fails) throw new Error('undone');
  });

const verify = (organizationId: Uuid | null, anchors: readonly ChainAnchor[] = []) =>
  withTrail(identity, organizationId, (tx) => verifyChain(tx, anchors), { isolationLevel: 'RepeatableRead' });

async function chainOf(length: number): Promise<Uuid> {
  const organizationId = newUuid();
  for (let n = 1; n <= length; n++) await record(identity, organizationId, `event ${String(n)}`);
  return organizationId;
}

/** As a superuser does who means to hide something: no trigger runs. */
async function tamper(statement: string, values: readonly unknown[]): Promise<void> {
  await owner.query('begin');
  await owner.query(`set local session_replication_role = replica`);
  const { rowCount } = await owner.query(statement, [...values]);
  await owner.query('commit');
  expect(rowCount).toBeGreaterThan(0);
}

describe('the chain', () => {
  it('is one for each organization and verifies, however writers of several services interleave', async () => {
    const write = fc.record({
      organization: fc.nat(2),
      service: fc.constantFrom('identity', 'billing'),
      fails: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(write, { minLength: 1, maxLength: 30 }), async (writes) => {
        const organizations = [newUuid(), newUuid(), newUuid()] as const;
        await Promise.all(
          writes.map(({ organization, service, fails }, n) =>
            record(
              service === 'identity' ? identity : billing,
              organizations[organization] ?? null,
              String(n),
              fails,
            ).catch(() => undefined),
          ),
        );
        for (const [index, organizationId] of organizations.entries()) {
          const kept = writes.filter((one) => one.organization === index && !one.fails).length;
          const verification = await verify(organizationId);
          expect(verification.problem).toBeNull();
          expect(verification.checkedEvents).toBe(kept);
          expect(verification.head?.sequence ?? 0n).toBe(BigInt(kept));
        }
      }),
      { numRuns: 15 },
    );
  });

  it('is in the order of time, also when the clock was set back', async () => {
    const organizationId = await chainOf(1);
    await tamper(`update audit.chains set last_at = now() + interval '1 hour' where chain_id = $1`, [
      organizationId,
    ]);
    await record(identity, organizationId, 'later');
    const { rows } = await owner.query(
      `select sequence from audit.events where chain_id = $1 order by occurred_at, sequence`,
      [organizationId],
    );
    expect(rows).toEqual([{ sequence: '1' }, { sequence: '2' }]);
  });

  it('of the platform is one of its own', async () => {
    await record(identity, null, 'platform');
    expect(await verify(null)).toMatchObject({ problem: null, head: { sequence: 1n } });
  });
});

describe('tampering is found', () => {
  const LENGTH = 6;
  const CHANGES = {
    id: 'gen_random_uuid()',
    occurred_at: `occurred_at + interval '1 millisecond'`,
    actor_type: `'anonymous'`,
    actor_id: 'gen_random_uuid()',
    actor_name: `'mallory'`,
    session_id: 'gen_random_uuid()',
    action: `'org.create'`,
    target_type: `'user'`,
    target_id: `'another'`,
    target_name: `null`,
    result: `'DENIED'`,
    ip_address: `'192.0.2.1'`,
    user_agent: `''`,
    request_id: `'x'`,
    metadata: `'{}'`,
    previous_hash: `sha256('x')`,
    hash: `sha256('x')`,
  } as const;

  it('whatever is changed of whichever event', async () => {
    const { rows } = await owner.query<{ name: string }>(
      `select attname as name from pg_attribute
       where attrelid = 'audit.events'::regclass and attnum > 0 and attgenerated = ''`,
    );
    const columns = rows.map(({ name }) => name).filter((name) => !['chain_id', 'sequence'].includes(name));
    expect(Object.keys(CHANGES).sort()).toEqual(columns.sort());
    for (const [index, [column, value]] of Object.entries(CHANGES).entries()) {
      const organizationId = await chainOf(LENGTH);
      const sequence = (index % LENGTH) + 1;
      await tamper(`update audit.events set ${column} = ${value} where chain_id = $1 and sequence = $2`, [
        organizationId,
        sequence,
      ]);
      const { problem } = await verify(organizationId);
      expect(problem, column).toMatchObject({ kind: 'CHANGED', sequence: BigInt(sequence) });
    }
  });

  it('a change with a hash that fits it', async () => {
    const organizationId = await chainOf(LENGTH);
    await tamper(`update audit.events set action = 'org.create' where chain_id = $1 and sequence = 3`, [
      organizationId,
    ]);
    await tamper('update audit.events e set hash = audit.hash_of(e) where chain_id = $1 and sequence = 3', [
      organizationId,
    ]);
    expect((await verify(organizationId)).problem).toMatchObject({ kind: 'BROKEN_LINK', sequence: 4n });
  });

  it.each([1, 3])('event %i removed', async (sequence) => {
    const organizationId = await chainOf(LENGTH);
    await tamper('delete from audit.events where chain_id = $1 and sequence = $2', [
      organizationId,
      sequence,
    ]);
    expect((await verify(organizationId)).problem).toEqual({
      kind: 'MISSING',
      sequence: BigInt(sequence),
      eventId: null,
    });
  });

  it('events in another order', async () => {
    const organizationId = await chainOf(LENGTH);
    for (const [from, to] of [
      [2, 99],
      [4, 2],
      [99, 4],
    ]) {
      await tamper('update audit.events set sequence = $3 where chain_id = $1 and sequence = $2', [
        organizationId,
        from,
        to,
      ]);
    }
    expect((await verify(organizationId)).problem).toMatchObject({ kind: 'CHANGED', sequence: 2n });
  });

  it('an event of another organization', async () => {
    const [organizationId, other] = [await chainOf(2), await chainOf(3)];
    await tamper('update audit.events set chain_id = $2 where chain_id = $1 and sequence = 3', [
      other,
      organizationId,
    ]);
    expect((await verify(organizationId)).problem).toMatchObject({ kind: 'CHANGED', sequence: 3n });
  });

  it('an end that was cut off', async () => {
    const organizationId = await chainOf(LENGTH);
    await tamper('delete from audit.events where chain_id = $1 and sequence > 4', [organizationId]);
    expect((await verify(organizationId)).problem).toEqual({
      kind: 'TRUNCATED',
      sequence: 5n,
      eventId: null,
    });
  });

  it('a trail that is gone as a whole', async () => {
    const organizationId = await chainOf(LENGTH);
    await tamper('delete from audit.events where chain_id = $1', [organizationId]);
    expect((await verify(organizationId)).problem).toMatchObject({ kind: 'TRUNCATED', sequence: 1n });
  });

  it('a head that was moved or removed', async () => {
    const moved = await chainOf(LENGTH);
    await tamper(`update audit.chains set head_hash = sha256('x') where chain_id = $1`, [moved]);
    expect((await verify(moved)).problem).toMatchObject({ kind: 'HEAD_CHANGED', sequence: 6n });
    const removed = await chainOf(LENGTH);
    await tamper('delete from audit.chains where chain_id = $1', [removed]);
    expect((await verify(removed)).problem).toMatchObject({ kind: 'HEAD_CHANGED', sequence: 6n });
  });

  it('a beginning that was removed and passed off as retention', async () => {
    const organizationId = await chainOf(LENGTH);
    await tamper(
      `update audit.chains c set purged_sequence = 2, purged_hash = e.hash from audit.events e
       where c.chain_id = $1 and e.chain_id = $1 and e.sequence = 2`,
      [organizationId],
    );
    await tamper('delete from audit.events where chain_id = $1 and sequence <= 2', [organizationId]);
    expect((await verify(organizationId)).problem).toMatchObject({
      kind: 'CHECKPOINT_UNATTESTED',
      sequence: 2n,
    });
  });

  it('a trail that was written anew as a whole, against what somebody noted', async () => {
    const organizationId = await chainOf(LENGTH);
    const { head } = await verify(organizationId);
    if (!head) throw new Error('a trail with events has a head');
    expect((await verify(organizationId, [head])).problem).toBeNull();
    await tamper('delete from audit.events where chain_id = $1', [organizationId]);
    await tamper('delete from audit.chains where chain_id = $1', [organizationId]);
    expect((await verify(organizationId, [head])).problem).toMatchObject({ kind: 'ANCHOR_MISMATCH' });
    for (let n = 1; n <= LENGTH; n++) await record(identity, organizationId, 'forged');
    expect((await verify(organizationId)).problem).toBeNull();
    expect((await verify(organizationId, [head])).problem).toMatchObject({
      kind: 'ANCHOR_MISMATCH',
      sequence: 6n,
    });
  });
});

describe('retention', () => {
  /** Written by the owner of the database, who may say when. */
  async function oldChain(days: readonly number[]): Promise<Uuid> {
    const organizationId = newUuid();
    for (const age of days) {
      await owner.query(
        `select audit.append(jsonb_populate_record(null::audit.events, jsonb_build_object(
           'chain_id', $1::uuid, 'id', gen_random_uuid(), 'occurred_at', now() - make_interval(days => $2),
           'actor_type', 'system', 'action', 'org.update', 'target_type', 'organization', 'result', 'SUCCESS',
           'metadata', '{}')))`,
        [organizationId, age],
      );
    }
    return organizationId;
  }

  const purge = (organizationId: Uuid, days: number, take = 100): Promise<unknown> =>
    identity.$queryRaw`select audit.purge(${organizationId}::uuid, now() - make_interval(days => ${days}::integer), ${take}::integer) as n`;

  it('removes the oldest and leaves a trail that verifies from its checkpoint on', async () => {
    const organizationId = await oldChain([400, 300, 200, 100]);
    expect(await purge(organizationId, 250)).toEqual([{ n: 2 }]);
    expect(await verify(organizationId)).toMatchObject({
      problem: null,
      firstSequence: 3n,
      checkedEvents: 3,
      head: { sequence: 5n },
    });
    expect(await purge(organizationId, 150, 1)).toEqual([{ n: 1 }]);
    expect(await verify(organizationId)).toMatchObject({ problem: null, firstSequence: 4n });
    await tamper(`delete from audit.events where chain_id = $1 and sequence = 4`, [organizationId]);
    expect((await verify(organizationId)).problem).toMatchObject({ kind: 'MISSING', sequence: 4n });
  });

  it('is seven years unless the organization says otherwise', async () => {
    const organizationId = await oldChain([2_600, 2_500, 100]);
    expect(await purgeAuditTrails({ db: identity, clock: systemClock })).toBeGreaterThanOrEqual(1);
    expect(await verify(organizationId)).toMatchObject({ problem: null, firstSequence: 2n });
  });

  it('never takes the newest event, nor what is younger than 90 days', async () => {
    const organizationId = await oldChain([400]);
    expect(await purge(organizationId, 100)).toEqual([{ n: 0 }]);
    await expect(purge(organizationId, 80)).rejects.toThrow('90 days');
  });
});
