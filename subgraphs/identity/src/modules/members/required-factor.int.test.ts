import pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Authenticated } from '@weir/contracts/internal-identity';
import { startTestIdentity, type TestIdentity, type TestOrganization } from '../../test-identity.ts';
import { codeAt, confirm, enroll } from '../second-factors/test-factors.ts';
import { addMember } from './test-members.ts';
import { change, codesOf } from './test-member-operations.ts';

let identity: TestIdentity;
let mine: TestOrganization;
let owner: Authenticated;

beforeAll(async () => {
  identity = await startTestIdentity();
  mine = await identity.organization();
  owner = await identity.ownerOf(mine);
  const client = new pg.Client({ connectionString: identity.databaseUrl });
  await client.connect();
  await client.query('update identity.organizations set settings = $1 where id = $2', [
    JSON.stringify({ mfaRequiredRoles: ['ADMIN'] }),
    mine.organizationId,
  ]);
  await client.end();
});
afterAll(async () => {
  await identity.stop();
});

async function requirement(as: Authenticated): Promise<unknown> {
  const answer = await identity.graphql('{ viewer { isMfaEnrollmentRequired permissions } }', {}, as);
  return answer.data?.['viewer'];
}

it('a role that demands a second factor takes effect once one is enrolled', async () => {
  const member = await addMember(identity, mine, 'ANALYST');
  const session = () => identity.ownerOf({ ...mine, ...member });
  const analyst = await session();
  expect(analyst.permissions).toContain('usage.read');
  expect(await requirement(analyst)).toMatchObject({ isMfaEnrollmentRequired: false });

  const grant = { id: member.id, roleId: 'rol_admin', expectedVersion: 1 };
  expect(codesOf(await change(identity, 'memberRoleSet', grant, owner))).toEqual([]);
  const waiting = await session();
  expect(waiting).toMatchObject({ organizationId: mine.organizationId, permissions: [] });
  expect(await requirement(waiting)).toEqual({ isMfaEnrollmentRequired: true, permissions: [] });

  const { secret } = await enroll(identity, waiting);
  expect((await confirm(identity, waiting, codeAt(secret, identity.now()))).userErrors).toEqual([]);
  identity.advance(60_000);
  const query = 'mutation ($input: SignInInput!) { signIn(input: $input) { accessToken } }';
  const input = { email: member.email, password: member.password, otp: codeAt(secret, identity.now()) };
  const answer = await identity.graphql(query, { input });
  const { accessToken } = answer.data?.['signIn'] as { accessToken: string };
  const admin = await identity.whoIs({ accessToken });
  expect(admin.permissions).toContain('apikey.create');
  expect(await requirement(admin)).toMatchObject({ isMfaEnrollmentRequired: false });
});

it('a role that demands none takes effect at once', async () => {
  const member = await addMember(identity, mine, 'FINANCE');
  const session = await identity.ownerOf({ ...mine, ...member });
  expect(session.permissions).toContain('org.budget.write');
});
