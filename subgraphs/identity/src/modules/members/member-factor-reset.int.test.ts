import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Authenticated } from '@weir/contracts/internal-identity';
import { encodeId, newUuid } from '@weir/kernel/ids';
import { insertRow } from '@weir/testkit/postgres-tenant';
import { codeAt, confirm, enroll, signIn } from '../second-factors/test-factors.ts';
import { startTestIdentity, type TestIdentity, type TestOrganization } from '../../test-identity.ts';
import { change, codesOf } from './test-member-operations.ts';
import { addMember, type TestMember } from './test-members.ts';

let identity: TestIdentity;
let database: pg.Client;
let mine: TestOrganization;
let admin: TestMember;

beforeAll(async () => {
  identity = await startTestIdentity();
  database = new pg.Client({ connectionString: identity.databaseUrl });
  await database.connect();
});
afterAll(async () => {
  await database.end();
  await identity.stop();
});
beforeEach(async () => {
  mine = await identity.organization();
  admin = await addMember(identity, mine, 'ADMIN');
});

const reset = (member: { readonly id: string }, as: Authenticated) =>
  change(identity, 'memberSecondFactorsReset', { id: member.id }, as);

/** With an authenticator app, a passkey and recovery codes. */
async function enrolled(member: TestMember): Promise<TestMember> {
  const { secret } = await enroll(identity, member.as);
  await confirm(identity, member.as, codeAt(secret, identity.now()));
  await insertRow(database, 'identity.passkeys', {
    id: newUuid(),
    user_id: member.userId,
    name: 'Phone',
    credential_id: randomBytes(16),
    public_key: randomBytes(77),
  });
  return member;
}

async function factorsOf({ userId }: TestMember): Promise<number> {
  const { rows } = await database.query<{ count: string }>(
    `select (select count(*) from identity.totp_factors where user_id = $1)
       + (select count(*) from identity.passkeys where user_id = $1)
       + (select count(*) from identity.recovery_codes where user_id = $1) as count`,
    [userId],
  );
  return Number(rows[0]?.count);
}
const ALL_FACTORS = 12;

describe('second factors that a member has lost', () => {
  it('are removed with their sessions, and the person and the trail are told', async () => {
    const manager = await addMember(identity, mine, 'MANAGER');
    const { accessToken } = await signIn(identity, manager);
    await enrolled(manager);
    expect(codesOf(await signIn(identity, manager))).toEqual(['MFA_REQUIRED']);
    expect(await reset(manager, admin.as)).toMatchObject({ membership: { id: manager.id }, userErrors: [] });
    expect(await factorsOf(manager)).toBe(0);
    expect((await identity.authenticate({ accessToken })).status).toBe(401);
    expect(codesOf(await signIn(identity, manager))).toEqual([]);
    await expect
      .poll(() => identity.mailTo(manager.email))
      .toContain('An administrator removed your authenticator app');
    const { rows } = await database.query<{ event: object }>(
      `select row_to_json(e) as event from audit.events e where action = 'mfa.reset'`,
    );
    expect(rows).toHaveLength(1);
    for (const known of [mine.organizationId, manager.userId, manager.email]) {
      expect(JSON.stringify(rows)).toContain(known);
    }
    expect(JSON.stringify(rows)).toMatch(/removedFactors\W+2\b/);
  });

  it('are never removed by who may not, from who is above, or from oneself', async () => {
    const manager = await addMember(identity, mine, 'MANAGER');
    const analyst = await enrolled(await addMember(identity, mine, 'ANALYST'));
    const owner = await enrolled(await addMember(identity, mine, 'OWNER'));
    await enrolled(admin);
    await expect(reset(analyst, manager.as)).rejects.toMatchObject({ code: 'FORBIDDEN' });
    expect(codesOf(await reset(owner, admin.as))).toEqual(['ABOVE_YOU']);
    expect(codesOf(await reset(admin, admin.as))).toEqual(['OWN_MEMBERSHIP']);
    const stranger = await identity.ownerOf(await identity.organization());
    expect(codesOf(await reset(analyst, stranger))).toEqual(['NOT_FOUND']);
    for (const person of [analyst, owner, admin]) expect(await factorsOf(person)).toBe(ALL_FACTORS);
  });

  it('stay where the person signs in elsewhere with them: in another organization, or on the platform', async () => {
    const guest = await enrolled(await addMember(identity, mine, 'ANALYST'));
    const { organizationId } = await identity.organization();
    await insertRow(database, 'identity.memberships', {
      id: newUuid(),
      organization_id: organizationId,
      user_id: guest.userId,
      role: 'ANALYST',
    });
    const supporter = await enrolled(await addMember(identity, mine, 'ANALYST'));
    await database.query(`update identity.users set platform_role = 'SUPPORT' where id = $1`, [
      supporter.userId,
    ]);
    for (const person of [guest, supporter]) {
      expect(codesOf(await reset(person, admin.as))).toEqual(['BELONGS_ELSEWHERE']);
      expect(await factorsOf(person)).toBe(ALL_FACTORS);
    }
  });

  it('of nobody are not found', async () => {
    expect(codesOf(await reset({ id: encodeId('membership', newUuid()) }, admin.as))).toEqual(['NOT_FOUND']);
  });
});
