import pg from 'pg';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import type { Authenticated } from '@weir/contracts/internal-identity';
import { encodeId } from '@weir/kernel/ids';
import { startTestIdentity, type TestIdentity, type TestOrganization } from '../../test-identity.ts';
import { addMember } from '../members/test-members.ts';

let identity: TestIdentity;
let superuser: pg.Client;
let admin: Authenticated;
let organization: TestOrganization;
beforeAll(async () => {
  identity = await startTestIdentity();
  superuser = new pg.Client({ connectionString: identity.databaseUrl });
  await superuser.connect();
});
beforeEach(async () => {
  await superuser.query('update identity.users set platform_role = null');
  [admin, organization] = [await identity.systemAdmin(), await identity.organization()];
});
afterAll(async () => {
  await superuser.end();
  await identity.stop();
});

interface Payload {
  readonly person: { readonly id: string; readonly platformRole: string | null } | null;
  readonly userErrors: readonly { readonly code: string; readonly field: readonly string[] | null }[];
}

const SET = `mutation ($input: PlatformRoleSetInput!) { platformRoleSet(input: $input) {
  person { id email displayName platformRole } userErrors { code field } } }`;

async function set(email: string, role: string | null, as: Authenticated = admin): Promise<Payload> {
  const answer = await identity.graphql(SET, { input: { email, role } }, as);
  if (!answer.data) throw new Error(answer.errors?.[0]?.extensions.code);
  return answer.data['platformRoleSet'] as Payload;
}

const emailOf = async ({ actor }: Authenticated): Promise<string> => {
  const userId = actor.type === 'user' ? actor.userId : '';
  const { rows } = await superuser.query<{ email: string }>('select email from identity.users where id = $1', [userId]); // prettier-ignore
  return rows[0]?.email ?? '';
};

async function trail(): Promise<readonly object[]> {
  const { rows } = await superuser.query<object>(
    `select actor_id, target_name, metadata::jsonb as metadata from audit.events
     where action = 'platform.role.set' and chain_id = '00000000-0000-0000-0000-000000000000' order by sequence desc limit 2`,
  );
  return rows;
}

it('gives and takes the rights of the platform, at once, and the platform’s trail has both', async () => {
  const { email, password, userId } = organization;
  const signIn = 'mutation ($input: SignInInput!) { signIn(input: $input) { accessToken } }';
  const signedIn = await identity.graphql(signIn, { input: { email, password } });
  const credential = signedIn.data?.['signIn'] as { accessToken: string };
  const person = { id: encodeId('user', userId), email, displayName: 'Owner' };
  const heard = new Promise((hear) => superuser.once('notification', hear));
  await superuser.query('listen session');

  expect(await set(` ${email.toUpperCase()} `, 'SUPPORT')).toEqual({
    person: { ...person, platformRole: 'SUPPORT' },
    userErrors: [],
  });
  await heard;
  expect(await identity.whoIs(credential)).toMatchObject({ actor: { platformRole: 'SUPPORT' } });
  // What they have already is no event.
  await set(email, 'SUPPORT');
  expect(await set(email, null)).toEqual({ person: { ...person, platformRole: null }, userErrors: [] });
  expect((await identity.whoIs(credential)).actor).not.toHaveProperty('platformRole');

  const event = { actor_id: admin.actor.type === 'user' ? admin.actor.userId : '', target_name: email };
  expect(await trail()).toEqual([
    { ...event, metadata: { platformRole: { from: 'SUPPORT', to: null } } },
    { ...event, metadata: { platformRole: { from: null, to: 'SUPPORT' } } },
  ]);
});

it('is for system administrators alone', async () => {
  const owner = await identity.ownerOf(organization);
  await set(organization.email, 'SUPPORT');
  const support = await identity.ownerOf(organization);
  for (const as of [owner, support]) {
    await expect(set(organization.email, 'SYSTEM_ADMIN', as)).rejects.toThrow('FORBIDDEN');
  }
});

it('needs somebody who has signed up', async () => {
  const invited = `invited-${organization.email}`;
  await superuser.query(`insert into identity.users (id, email, display_name, status) values (gen_random_uuid(), $1, 'I', 'INVITED')`, [invited]); // prettier-ignore
  for (const email of ['nobody@example.org', 'no address', invited]) {
    expect(await set(email, 'SUPPORT')).toEqual({
      person: null,
      userErrors: [{ code: 'NO_SUCH_PERSON', field: ['email'] }],
    });
  }
});

it('leaves a system administrator, also when two take each other’s role at once', async () => {
  const refused = { person: null, userErrors: [{ code: 'LAST_SYSTEM_ADMIN', field: ['role'] }] };
  const email = await emailOf(admin);
  for (const role of [null, 'SUPPORT']) expect(await set(email, role)).toEqual(refused);
  const { email: other } = organization;
  await set(other, 'SYSTEM_ADMIN');
  // One who cannot sign in does not count.
  await superuser.query(`update identity.users set status = 'SUSPENDED' where email = $1`, [other]);
  expect(await set(email, null)).toEqual(refused);
  await superuser.query(`update identity.users set status = 'ACTIVE' where email = $1`, [other]);

  const second = await identity.ownerOf(organization);
  const both = await Promise.all([set(other, null), set(email, null, second)]);
  expect(both.filter(({ person }) => person !== null)).toHaveLength(1);
  expect(both).toContainEqual(refused);
});

it('makes people who look into organizations, as long as they have the role', async () => {
  const member = await addMember(identity, await identity.organization(), 'ANALYST');
  await set(await emailOf(member.as), 'SUPPORT');
  const support = { ...member.as, actor: { ...member.as.actor, platformRole: 'SUPPORT' } } as Authenticated;
  const grant = await identity.graphql(
    'mutation ($input: SupportConsentGrantInput!) { supportConsentGrant(input: $input) { consentToken } }',
    { input: { organizationId: organization.id } },
    await identity.ownerOf(organization),
  );
  const { consentToken } = grant.data?.['supportConsentGrant'] as { consentToken: string };
  const started = await identity.graphql(
    'mutation ($input: ImpersonationStartInput!) { impersonationStart(input: $input) { accessToken } }',
    { input: { organizationId: organization.id, reason: 'Ticket 4711 again', consentToken, ttlMinutes: 30 } },
    support,
  );
  const credential = started.data?.['impersonationStart'] as { accessToken: string };
  expect((await identity.authenticate(credential)).status).toBe(200);
  await set(await emailOf(member.as), null);
  expect((await identity.authenticate(credential)).status).toBe(401);
});
