import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Authenticated } from '@weir/contracts/internal-identity';
import { newUuid } from '@weir/kernel/ids';
import { createDatabase, type Database } from '@weir/prisma/database';
import { withTenant } from '@weir/prisma/tenant';
import { startTestIdentity, type TestIdentity, type TestOrganization } from '../../test-identity.ts';
import { tokenIn } from '../mail/test-outbox.ts';
import { acceptInvitation } from './invitation-acceptance.ts';
import { hashOfInvitationToken } from './invitation.ts';
import { addMember } from './test-members.ts';
import { change, codesOf } from './test-member-operations.ts';

const DAY_MS = 86_400_000;
let identity: TestIdentity;
let mine: TestOrganization;
let owner: Authenticated;
let db: Database;

beforeAll(async () => {
  identity = await startTestIdentity();
  mine = await identity.organization();
  owner = await identity.ownerOf(mine);
  db = createDatabase({ url: identity.databaseUrl, role: 'weir_identity', max: 4 });
});
afterAll(async () => {
  await db.$disconnect();
  await identity.stop();
});

const newEmail = (): string => `guest-${newUuid().slice(-12)}@example.org`;
const invite = (email: string, input: object = {}, as = owner) =>
  change(identity, 'memberInvite', { organizationId: mine.id, email, roleId: 'rol_analyst', ...input }, as);
const accept = (token: string, input: object = {}, as?: Authenticated) =>
  change(identity, 'invitationAccept', { token, ...input }, as);
const PERSON = { displayName: 'Guest', password: 'nine herons over water' };

/** The token of the newest mail to the address. */
const tokenOf = async (email: string): Promise<string> => tokenIn(await identity.mailTo(email));

/** Invites an address and answers the token that it got. */
async function invited(
  email = newEmail(),
  input: object = {},
): Promise<{ email: string; token: string; id: string }> {
  const { membership, userErrors } = await invite(email, input);
  if (!membership?.invitation) throw new Error(`not invited: ${JSON.stringify(userErrors)}`);
  return { email, token: await tokenOf(email), id: membership.invitation.id };
}

describe('an invitation', () => {
  it('makes a new person a member with the role, a name and a password', async () => {
    const email = newEmail();
    const { membership } = await invite(`  ${email.toUpperCase()} `, { message: 'Welcome aboard.' });
    expect(membership).toMatchObject({ email, status: 'INVITED', role: { id: 'rol_analyst' } });
    const mail = await identity.mailTo(email);
    expect(mail).toContain('Welcome aboard.');
    expect(mail).toContain('as Analyst');
    expect(mail).toContain('7 days');
    const accepted = await accept(tokenIn(mail), PERSON);
    expect(accepted).toEqual({ membershipId: membership?.id, userErrors: [] });
    expect(await identity.ownerOf({ ...mine, email, password: PERSON.password })).toMatchObject({
      organizationId: mine.organizationId,
      permissions: ['org.read', 'account.read', 'usage.read'],
    });
  });

  it('makes somebody with an account a member once they have signed in with it', async () => {
    const others = await identity.organization();
    const { token } = await invited(others.email);
    expect(codesOf(await accept(token, PERSON))).toEqual(['SIGN_IN_FIRST']);
    const stranger = await identity.ownerOf(await identity.organization());
    expect(codesOf(await accept(token, {}, stranger))).toEqual(['OTHER_ADDRESS']);
    const person = await identity.ownerOf(others);
    expect(codesOf(await accept(token, {}, person))).toEqual([]);
    const answer = await identity.graphql('{ viewer { memberships { role { id } } } }', {}, person);
    expect(answer.data?.['viewer']).toEqual({
      memberships: [{ role: { id: 'rol_owner' } }, { role: { id: 'rol_analyst' } }],
    });
    expect(codesOf(await invite(others.email))).toEqual(['ALREADY_MEMBER']);
  });

  it('is accepted by other ways to prove an address through acceptInvitation', async () => {
    const others = await identity.organization();
    const { token } = await invited(others.email);
    const identityOf = await identity.ownerOf(others);
    const by = { ...identityOf, requestId: null, ipAddress: null, userAgent: null };
    const accepting = { userId: others.userId, email: others.email, at: new Date(identity.now()), by };
    const run = () =>
      withTenant(db, { userId: others.userId }, (tx) =>
        acceptInvitation(tx, hashOfInvitationToken(token), accepting),
      );
    expect(await run()).toMatchObject({ ok: true, value: { userId: others.userId, status: 'ACTIVE' } });
    expect(await run()).toMatchObject({ ok: false, error: [{ code: 'INVALID_INVITATION' }] });
  });

  it('works once, also when its token is used many times at once', async () => {
    const { token } = await invited();
    const people = Array.from({ length: 6 }, (_, index) => ({ ...PERSON, displayName: `Guest ${index}` }));
    const answers = await Promise.all(people.map((person) => accept(token, person)));
    expect(answers.filter(({ membershipId }) => typeof membershipId === 'string')).toHaveLength(1);
    expect(codesOf(await accept(token, PERSON))).toEqual(['INVALID_INVITATION']);
  });

  it('ends after seven days', async () => {
    const { token, email } = await invited();
    identity.advance(7 * DAY_MS - 60_000);
    expect(codesOf(await accept(token, { ...PERSON, password: 'short' }))).toEqual(['WEAK_PASSWORD']);
    identity.advance(60_000);
    expect(codesOf(await accept(token, PERSON))).toEqual(['INVALID_INVITATION']);
    expect(codesOf(await invite(email))).toEqual(['ALREADY_INVITED']);
  });

  it('is sent again with a new token, at most once a minute; the old one is dead', async () => {
    const { token, id, email } = await invited();
    const resend = () => change(identity, 'invitationResend', { id }, owner);
    expect(codesOf(await resend())).toEqual(['TOO_SOON']);
    identity.advance(8 * DAY_MS);
    expect(codesOf(await resend())).toEqual([]);
    await expect.poll(() => tokenOf(email)).not.toBe(token);
    expect(codesOf(await accept(token, PERSON))).toEqual(['INVALID_INVITATION']);
    expect(codesOf(await accept(await tokenOf(email), PERSON))).toEqual([]);
    expect(codesOf(await resend())).toEqual(['NOT_INVITED']);
  });

  it('is revoked for good; the address can be invited anew', async () => {
    const { token, id, email } = await invited();
    const revoke = () => change(identity, 'invitationRevoke', { id }, owner);
    expect(await revoke()).toEqual({ revokedId: id, userErrors: [] });
    expect(codesOf(await accept(token, PERSON))).toEqual(['INVALID_INVITATION']);
    expect(codesOf(await revoke())).toEqual(['NOT_FOUND']);
    expect(codesOf(await invite(email))).toEqual([]);
    const list = await identity.graphql(
      'query ($id: ID!) { organization(id: $id) { invitations(first: 100, status: REVOKED) { nodes { id email status isExpired membership { id } invitedBy { email } } } } }',
      { id: mine.id },
      owner,
    );
    expect(list.data?.['organization']).toMatchObject({
      invitations: { nodes: [{ id, email, status: 'REVOKED', isExpired: false, membership: null, invitedBy: { email: mine.email } }] },
    }); // prettier-ignore
  });

  it('is to a role that the inviter can give', async () => {
    const manager = (await addMember(identity, mine, 'MANAGER')).as;
    const admin = (await addMember(identity, mine, 'ADMIN')).as;
    expect(codesOf(await invite(newEmail(), { roleId: 'rol_admin' }, manager))).toEqual([
      'ROLE_NOT_GRANTABLE',
    ]);
    expect(codesOf(await invite(newEmail(), { roleId: 'rol_owner' }, admin))).toEqual(['ROLE_NOT_GRANTABLE']);
    expect(codesOf(await invite(newEmail(), { roleId: 'rol_finance' }, manager))).toEqual([]);
    const analyst = (await addMember(identity, mine, 'ANALYST')).as;
    await expect(invite(newEmail(), {}, analyst)).rejects.toMatchObject({ code: 'FORBIDDEN' });
  });

  it('names what is wrong with it', async () => {
    expect(codesOf(await invite('nobody'))).toEqual(['INVALID_EMAIL']);
    expect(codesOf(await invite(newEmail(), { message: 'x'.repeat(501) }))).toEqual(['INVALID_MESSAGE']);
    const { token } = await invited();
    expect(codesOf(await accept(token))).toEqual(['INVALID_NAME', 'WEAK_PASSWORD']);
    expect(codesOf(await accept(token, { ...PERSON, password: `the ${mine.email}` }))).toEqual([
      'WEAK_PASSWORD',
    ]);
  });

  it('keeps its role in use', async () => {
    const create = `mutation ($input: RoleCreateInput!) { roleCreate(input: $input) { role { id } } }`;
    const input = { organizationId: mine.id, name: `Role ${newUuid()}`, permissions: ['org.read'] };
    const answer = await identity.graphql(create, { input }, owner);
    const { role } = answer.data?.['roleCreate'] as { role: { id: string } };
    await invited(newEmail(), { roleId: role.id });
    const remove = 'mutation ($id: ID!) { roleDelete(input: { id: $id }) { userErrors { code } } }';
    const refused = await identity.graphql(remove, { id: role.id }, owner);
    expect(refused.data?.['roleDelete']).toEqual({ userErrors: [{ code: 'IN_USE' }] });
  });
});

describe('whoever has the token of an invitation', () => {
  const preview = async (token: string, from = '198.51.100.7') => {
    const query = `query ($token: String!) { invitationPreview(token: $token) {
      state organizationName email roleName expiresAt hasAccount } }`;
    const answer = await identity.graphql(query, { token }, undefined, {
      ipAddress: from,
      userAgent: 'test',
    });
    return answer.data?.['invitationPreview'] ?? answer.errors?.[0]?.extensions;
  };
  const NOTHING = { organizationName: null, email: null, roleName: null, expiresAt: null, hasAccount: null };

  it('sees what it leads to before accepting it, and whether to sign in for that', async () => {
    const others = await identity.organization();
    for (const [address, hasAccount] of [
      [newEmail(), false],
      [others.email, true],
    ] as const) {
      const before = identity.now();
      const { token, email } = await invited(address);
      const { expiresAt, ...seen } = (await preview(token)) as { readonly expiresAt: string };
      expect(seen).toEqual({
        state: 'OPEN',
        organizationName: `The ${mine.email.split('@')[0] ?? ''}`,
        email,
        roleName: 'Analyst',
        hasAccount,
      });
      expect(Date.parse(expiresAt)).toBeGreaterThanOrEqual(before + 7 * DAY_MS);
      expect(Date.parse(expiresAt)).toBeLessThanOrEqual(identity.now() + 7 * DAY_MS);
    }
  });

  it('is told why it leads nowhere, and nothing else', async () => {
    const [expired, revoked, accepted, replaced] = [await invited(), await invited(), await invited(), await invited()]; // prettier-ignore
    await change(identity, 'invitationRevoke', { id: revoked.id }, owner);
    await accept(accepted.token, PERSON);
    expect(await preview(revoked.token)).toEqual({ state: 'REVOKED', ...NOTHING });
    expect(await preview(accepted.token)).toEqual({ state: 'ACCEPTED', ...NOTHING });
    identity.advance(7 * DAY_MS);
    expect(await preview(expired.token)).toEqual({ state: 'EXPIRED', ...NOTHING });
    await change(identity, 'invitationResend', { id: replaced.id }, owner);
    for (const token of [replaced.token, `${expired.token}x`, 'win_', '', 'x'.repeat(10_000), '\u0000'])
      expect(await preview(token)).toEqual({ state: 'UNKNOWN', ...NOTHING });
  });

  it('cannot guess: a network address presents so many tokens an hour, to look at them or to accept', async () => {
    const { token } = await invited();
    const guesser = { ipAddress: '203.0.113.77', userAgent: 'test' };
    const guess = () => preview('win_guess', guesser.ipAddress);
    const tryOn = (presented: string) =>
      change(identity, 'invitationAccept', { token: presented, ...PERSON }, undefined, guesser);
    for (let tries = 0; tries < 30; tries++) {
      expect(await guess()).toMatchObject({ state: 'UNKNOWN' });
      expect(codesOf(await tryOn('win_guess'))).toEqual(['INVALID_INVITATION']);
    }
    expect(await guess()).toMatchObject({ code: 'RATE_LIMITED' });
    expect(await preview(token, guesser.ipAddress)).toMatchObject({ code: 'RATE_LIMITED' });
    await expect(tryOn(token)).rejects.toMatchObject({ code: 'RATE_LIMITED' });
    expect(await preview(token)).toMatchObject({ state: 'OPEN' });
  });
});

describe('whoever has no invitation', () => {
  it('gets one answer for every token that opens nothing', async () => {
    const { token } = await invited();
    await accept(token, PERSON);
    const answers = await Promise.all(
      [token, `${token}x`, 'win_', '', 'x'.repeat(10_000), '\u0000'].map((text) => accept(text, PERSON)),
    );
    for (const answer of answers) expect(answer).toEqual(answers[0]);
    expect(codesOf(answers[0] ?? { userErrors: [] })).toEqual(['INVALID_INVITATION']);
  });

  it('learns nothing of addresses by inviting them', async () => {
    const others = await identity.organization();
    const shape = async (email: string) => {
      const { membership, userErrors } = await invite(email);
      return { ...membership, id: '', email: '', invitation: null, userErrors };
    };
    expect(await shape(others.email)).toEqual(await shape(newEmail()));
    const list = await identity.graphql(
      'query ($id: ID!, $text: String!) { organization(id: $id) { members(filter: { text: $text }) { nodes { user { displayName } lastSignInAt isMfaEnrolled } } } }',
      { id: mine.id, text: others.email },
      owner,
    );
    expect(list.data?.['organization']).toEqual({
      members: { nodes: [{ user: null, lastSignInAt: null, isMfaEnrolled: null }] },
    });
  });

  it('finds no token in the database, only hashes', async () => {
    const { token } = await invited();
    const client = new pg.Client({ connectionString: identity.databaseUrl });
    await client.connect();
    const { rows } = await client.query<{ text: string }>(
      `select row_to_json(i)::text as text from identity.invitations i
       union all select row_to_json(o)::text from identity.mail_outbox o
       union all select row_to_json(e)::text from audit.events e`,
    );
    await client.end();
    expect(rows.length).toBeGreaterThan(0);
    expect(rows.filter(({ text }) => text.includes(token) || text.includes(token.slice(4)))).toEqual([]);
  });
});
