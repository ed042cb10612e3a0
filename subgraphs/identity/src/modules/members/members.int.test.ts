import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Authenticated } from '@weir/contracts/internal-identity';
import { encodeId } from '@weir/kernel/ids';
import { startTestIdentity, type TestIdentity, type TestOrganization } from '../../test-identity.ts';
import { addMember, type TestMember } from './test-members.ts';
import { change, codesOf } from './test-member-operations.ts';

let identity: TestIdentity;
let mine: TestOrganization;
let owner: Authenticated;

beforeAll(async () => {
  identity = await startTestIdentity();
});
afterAll(async () => {
  await identity.stop();
});
beforeEach(async () => {
  mine = await identity.organization();
  owner = await identity.ownerOf(mine);
});

const MEMBERS = `query ($id: ID!, $first: Int, $after: String, $filter: MemberFilter, $orderBy: MemberOrder! = NAME) {
  organization(id: $id) { members(first: $first, after: $after, filter: $filter, orderBy: $orderBy) {
    totalCount nodes { id email status role { id } lastSignInAt isMfaEnrolled user { id } } pageInfo { hasNextPage endCursor } } } }`;

interface Members {
  readonly totalCount: number;
  readonly nodes: readonly { id: string; email: string; status: string; lastSignInAt: string | null; isMfaEnrolled: boolean | null }[];
  readonly pageInfo: { readonly hasNextPage: boolean; readonly endCursor: string };
} // prettier-ignore

async function members(variables: object, as = owner): Promise<Members> {
  const answer = await identity.graphql(MEMBERS, { id: mine.id, ...variables }, as);
  if (answer.errors) throw Object.assign(new Error('refused'), answer.errors[0]?.extensions);
  return (answer.data?.['organization'] as { members: Members }).members;
}

const ownerId = async (): Promise<string> =>
  (await members({ filter: { roleId: 'rol_owner' } })).nodes[0]?.id ?? '';
const setRole = (member: { id: string }, roleId: string, as = owner, expectedVersion = 1) =>
  change(identity, 'memberRoleSet', { id: member.id, roleId, expectedVersion }, as);
const suspend = (member: { id: string }, as = owner) =>
  change(identity, 'memberSuspend', { id: member.id, reason: 'Holiday.' }, as);
const whoIs = async (member: TestMember) => identity.ownerOf({ ...mine, ...member });

describe('the list of members', () => {
  it('is filtered, sorted and counted, and gives everybody once, page by page', async () => {
    for (const role of ['ANALYST', 'ANALYST', 'MANAGER', 'FINANCE'] as const)
      await addMember(identity, mine, role);
    await change(identity, 'memberInvite', { organizationId: mine.id, email: '100%@example.org', roleId: 'rol_analyst' }, owner); // prettier-ignore
    for (const orderBy of ['NAME', 'EMAIL', 'NEWEST']) {
      const seen: string[] = [];
      for (let after: string | null = null, more = true; more;) {
        const page = await members({ first: 2, after, orderBy });
        expect(page.totalCount).toBe(6);
        seen.push(...page.nodes.map(({ email }) => email));
        [more, after] = [page.pageInfo.hasNextPage, page.pageInfo.endCursor];
      }
      expect(new Set(seen).size).toBe(6);
      if (orderBy === 'EMAIL') expect(seen).toEqual(seen.toSorted());
      if (orderBy === 'NEWEST') expect(seen[0]).toBe('100%@example.org');
    }
    expect((await members({ filter: { roleId: 'rol_analyst' } })).totalCount).toBe(3);
    expect((await members({ filter: { roleId: 'rol_analyst', status: 'ACTIVE' } })).totalCount).toBe(2);
    expect((await members({ filter: { text: '0%@' } })).nodes.map(({ email }) => email)).toEqual(['100%@example.org']); // prettier-ignore
    expect((await members({ filter: { text: 'MEMBER-' } })).totalCount).toBe(4);
    expect((await members({ filter: { status: 'SUSPENDED' } })).totalCount).toBe(0);
  });

  it('tells who signed in lately and who has a second factor, in this organization', async () => {
    const member = await addMember(identity, mine, 'ANALYST');
    const view = async () => (await members({ filter: { text: member.email } })).nodes[0];
    expect(await view()).toMatchObject({ lastSignInAt: null, isMfaEnrolled: false });
    await whoIs(member);
    expect((await view())?.lastSignInAt).toEqual(expect.any(String));
  });

  it('is for those who manage members', async () => {
    const analyst = await addMember(identity, mine, 'ANALYST');
    await expect(members({}, analyst.as)).rejects.toMatchObject({ code: 'FORBIDDEN' });
    const manager = await addMember(identity, mine, 'MANAGER');
    expect((await members({}, manager.as)).totalCount).toBe(3);
  });
});

describe('a role', () => {
  it('changes for the version that was confirmed, and counts on the next request', async () => {
    const member = await addMember(identity, mine, 'ANALYST');
    expect(codesOf(await setRole(member, 'rol_manager', owner, 7))).toEqual(['CONFLICT']);
    expect((await setRole(member, 'rol_manager')).membership).toMatchObject({ version: 2, role: { id: 'rol_manager' } }); // prettier-ignore
    expect((await whoIs(member)).permissions).toContain('org.members.invite');
  });

  it('never goes above whoever gives it, and nobody above is touched', async () => {
    const manager = await addMember(identity, mine, 'MANAGER');
    const analyst = await addMember(identity, mine, 'ANALYST');
    const admin = await addMember(identity, mine, 'ADMIN');
    expect(codesOf(await setRole(analyst, 'rol_admin', manager.as))).toEqual(['ROLE_NOT_GRANTABLE']);
    expect(codesOf(await setRole(analyst, 'rol_owner', admin.as))).toEqual(['ROLE_NOT_GRANTABLE']);
    expect(codesOf(await setRole(admin, 'rol_analyst', manager.as))).toEqual(['ABOVE_YOU']);
    expect(codesOf(await suspend(admin, manager.as))).toEqual(['ABOVE_YOU']);
    expect(codesOf(await suspend({ id: await ownerId() }, admin.as))).toEqual(['ABOVE_YOU']);
    const removal = { id: admin.id, confirmation: admin.email };
    expect(codesOf(await change(identity, 'memberRemove', removal, manager.as))).toEqual(['ABOVE_YOU']);
    expect(codesOf(await setRole(analyst, 'rol_finance', manager.as))).toEqual([]);
  });

  it('of one’s own only loses permissions', async () => {
    const manager = await addMember(identity, mine, 'MANAGER');
    expect(codesOf(await setRole(manager, 'rol_finance', manager.as))).toEqual(['ROLE_NOT_GRANTABLE']);
    expect(codesOf(await setRole(manager, 'rol_analyst', manager.as))).toEqual([]);
  });

  it('cannot be set by mass assignment: inputs take what they name and nothing else', async () => {
    const member = await addMember(identity, mine, 'ANALYST');
    const extra = `mutation ($id: ID!) { memberReactivate(input: { id: $id, roleId: "rol_owner", role: OWNER, permissions: ["org.delete"] }) { userErrors { code } } }`; // prettier-ignore
    const answer = await identity.graphql(extra, { id: member.id }, owner);
    expect(answer.errors?.[0]?.extensions.code).toBe('GRAPHQL_VALIDATION_FAILED');
    const invite = `mutation ($input: InvitationAcceptInput!) { invitationAccept(input: $input) { membershipId } }`;
    const accepted = await identity.graphql(invite, { input: { token: 'x', roleId: 'rol_owner' } }, owner);
    expect(accepted.errors?.[0]?.extensions.code).toBe('BAD_USER_INPUT');
    expect((await members({ filter: { roleId: 'rol_owner' } })).totalCount).toBe(1);
  });
});

describe('suspension', () => {
  it('ends the sessions, and lets the member’s own keys wait until reactivation', async () => {
    const member = await addMember(identity, mine, 'ADMIN');
    const session = await whoIs(member);
    const create = `mutation ($input: ApiKeyCreateInput!) { apiKeyCreate(input: $input) { secret userErrors { code } } }`;
    const key = async (as: Authenticated, name: string) => {
      const input = { organizationId: mine.id, name, scopes: ['analytics:read'] };
      const answer = await identity.graphql(create, { input }, as);
      return (answer.data?.['apiKeyCreate'] as { secret: string }).secret;
    };
    const [own, foreign] = [await key(session, 'own'), await key(owner, 'foreign')];
    const token = await signIn(member);
    const suspended = await suspend(member);
    expect(suspended.membership).toMatchObject({ status: 'SUSPENDED', suspension: { reason: 'Holiday.' } });
    expect((await identity.authenticate({ accessToken: token })).status).toBe(401);
    expect(await (await identity.authenticate({ apiKey: own })).json()).toMatchObject({ code: 'ACCOUNT_SUSPENDED' }); // prettier-ignore
    expect((await identity.authenticate({ apiKey: foreign })).status).toBe(200);
    expect(await whoIs(member)).toMatchObject({ organizationId: null, permissions: [] });
    expect((await suspend(member)).membership).toMatchObject({ version: suspended.membership?.version });
    const reactivated = await change(identity, 'memberReactivate', { id: member.id }, owner);
    expect(reactivated.membership).toMatchObject({ status: 'ACTIVE', suspension: null });
    expect((await identity.authenticate({ apiKey: own })).status).toBe(200);
    expect((await identity.authenticate({ accessToken: token })).status).toBe(401);
    expect(await whoIs(member)).toMatchObject({ organizationId: mine.organizationId });
  });

  it('needs a reason, and is nothing to do to oneself', async () => {
    const admin = await addMember(identity, mine, 'ADMIN');
    const blank = { id: admin.id, reason: '  ' };
    expect(codesOf(await change(identity, 'memberSuspend', blank, owner))).toEqual(['INVALID_REASON']);
    expect(codesOf(await suspend(admin, admin.as))).toEqual(['OWN_MEMBERSHIP']);
  });

  it('of a manager ends their managing at once, whatever a request still vouches for', async () => {
    const manager = await addMember(identity, mine, 'MANAGER');
    const analyst = await addMember(identity, mine, 'ANALYST');
    await suspend(manager);
    await expect(suspend(analyst, manager.as)).rejects.toMatchObject({ code: 'FORBIDDEN' });
  });
});

describe('removal', () => {
  it('is confirmed by the member’s address, ends the sessions and revokes their own keys', async () => {
    const member = await addMember(identity, mine, 'ADMIN');
    const token = await signIn(member);
    const remove = (confirmation: string) =>
      change(identity, 'memberRemove', { id: member.id, confirmation }, owner);
    expect(codesOf(await remove('somebody@example.org'))).toEqual(['NOT_CONFIRMED']);
    expect(await remove(member.email.toUpperCase())).toEqual({ removedId: member.id, userErrors: [] });
    expect((await identity.authenticate({ accessToken: token })).status).toBe(401);
    expect(await whoIs(member)).toMatchObject({ organizationId: null });
    expect(codesOf(await remove(member.email))).toEqual(['NOT_FOUND']);
  });
});

describe('the last Owner', () => {
  it('can neither be downgraded, suspended or removed, nor leave', async () => {
    const id = await ownerId();
    expect(codesOf(await setRole({ id }, 'rol_admin'))).toEqual(['LAST_OWNER']);
    const slug = mine.email.split('@')[0] ?? '';
    const leave = { organizationId: mine.id, confirmation: slug };
    expect(codesOf(await change(identity, 'memberLeave', leave, owner))).toEqual(['LAST_OWNER']);
    const second = await addMember(identity, mine, 'OWNER');
    expect(codesOf(await suspend(second))).toEqual([]);
    // A suspended Owner cannot act, so the other one is the last again.
    expect(codesOf(await change(identity, 'memberLeave', leave, owner))).toEqual(['LAST_OWNER']);
    await change(identity, 'memberReactivate', { id: second.id }, owner);
    const wrong = { organizationId: mine.id, confirmation: 'x' };
    expect(codesOf(await change(identity, 'memberLeave', wrong, owner))).toEqual(['NOT_CONFIRMED']);
    expect((await change(identity, 'memberLeave', leave, owner)).removedId).toBe(id);
    const removal = { id: second.id, confirmation: second.email };
    expect(codesOf(await change(identity, 'memberRemove', removal, second.as))).toEqual(['OWN_MEMBERSHIP']);
  });

  it('stays when two Owners act against each other at once', async () => {
    for (let round = 0; round < 5; round++) {
      const organization = await identity.organization();
      const [one, two] = [await addMember(identity, organization, 'OWNER'), await addMember(identity, organization, 'OWNER')]; // prettier-ignore
      const first = { id: await ownerMembershipOf(organization) };
      const founder = await identity.ownerOf(organization);
      expect(codesOf(await setRole(first, 'rol_admin', one.as))).toEqual([]);
      const outcomes = await Promise.allSettled([
        setRole(two, 'rol_admin', one.as),
        round % 2 === 0 ? setRole(one, 'rol_admin', two.as) : suspend(one, two.as),
      ]);
      const done = outcomes.filter(
        (outcome) => outcome.status === 'fulfilled' && codesOf(outcome.value).length === 0,
      );
      expect(done).toHaveLength(1);
      const view = await identity.graphql(MEMBERS, { id: organization.id, filter: { roleId: 'rol_owner', status: 'ACTIVE' } }, founder); // prettier-ignore
      expect(view.data?.['organization']).toMatchObject({ members: { totalCount: 1 } });
    }
  });
});

describe('members of another organization', () => {
  it('are absent for everybody else', async () => {
    const others = await identity.organization();
    const stranger = await addMember(identity, others, 'ANALYST');
    expect(codesOf(await setRole(stranger, 'rol_admin'))).toEqual(['NOT_FOUND']);
    expect(codesOf(await suspend(stranger))).toEqual(['NOT_FOUND']);
    expect(codesOf(await change(identity, 'memberReactivate', { id: stranger.id }, owner))).toEqual(['NOT_FOUND']); // prettier-ignore
    const removal = { id: stranger.id, confirmation: stranger.email };
    expect(codesOf(await change(identity, 'memberRemove', removal, owner))).toEqual(['NOT_FOUND']);
    const leave = { organizationId: others.id, confirmation: others.email.split('@')[0] };
    expect(codesOf(await change(identity, 'memberLeave', leave, owner))).toEqual(['NOT_FOUND']);
    const invitation = { organizationId: others.id, email: 'x@example.org', roleId: 'rol_analyst' };
    await expect(change(identity, 'memberInvite', invitation, owner)).rejects.toMatchObject({ code: 'NOT_FOUND' }); // prettier-ignore
  });
});

async function ownerMembershipOf(organization: TestOrganization): Promise<string> {
  const viewer = await identity.ownerOf(organization);
  const answer = await identity.graphql('{ viewer { memberships { id } } }', {}, viewer);
  const { memberships } = answer.data?.['viewer'] as { memberships: { id: string }[] };
  return memberships[0]?.id ?? encodeId('membership', organization.organizationId);
}

async function signIn({ email, password }: TestMember): Promise<string> {
  const query = 'mutation ($input: SignInInput!) { signIn(input: $input) { accessToken } }';
  const answer = await identity.graphql(query, { input: { email, password } });
  return (answer.data?.['signIn'] as { accessToken: string }).accessToken;
}
