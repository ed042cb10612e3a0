import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Authenticated } from '@weir/contracts/internal-identity';
import { encodeId, newUuid, type Uuid } from '@weir/kernel/ids';
import { insertRow } from '@weir/testkit/postgres-tenant';
import { startTestIdentity, type TestIdentity, type TestOrganization } from '../../test-identity.ts';
import { addMember, type TestMember } from '../members/test-members.ts';

let identity: TestIdentity;
let client: pg.Client;

beforeAll(async () => {
  identity = await startTestIdentity();
  client = new pg.Client({ connectionString: identity.databaseUrl });
  await client.connect();
});
afterAll(async () => {
  await client.end();
  await identity.stop();
});

interface SignedIn {
  readonly accessToken: string;
  readonly refreshToken: string;
  readonly who: Authenticated;
  readonly sessionId: string;
}

const FIREFOX = {
  ipAddress: '198.51.100.7',
  userAgent: 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0',
};

async function signIn(person: Pick<TestMember, 'email' | 'password'>): Promise<SignedIn> {
  const answer = await identity.graphql(
    'mutation ($input: SignInInput!) { signIn(input: $input) { accessToken refreshToken } }',
    { input: { email: person.email, password: person.password } },
    undefined,
    FIREFOX,
  );
  const tokens = answer.data?.['signIn'] as { accessToken: string; refreshToken: string };
  const who = await identity.whoIs(tokens);
  if (who.actor.type !== 'user') throw new Error('not a person');
  return { ...tokens, who, sessionId: encodeId('session', who.actor.sessionId) };
}

const statusOf = async ({ accessToken }: SignedIn): Promise<number> =>
  (await identity.authenticate({ accessToken })).status;

async function settings(organization: TestOrganization, sessions: object): Promise<void> {
  await client.query('update identity.organizations set settings = $1 where id = $2', [
    { sessions },
    organization.organizationId,
  ]);
}

const revoke = (id: string, as: Authenticated) =>
  identity.graphql(
    'mutation ($id: ID!) { sessionRevoke(input: { id: $id }) { endedSessions userErrors { code } } }',
    { id },
    as,
  );
const revokeAll = (userId: Uuid | null, as: Authenticated) =>
  identity.graphql(
    'mutation ($input: SessionRevokeAllInput!) { sessionRevokeAll(input: $input) { endedSessions userErrors { code } } }',
    { input: userId === null ? {} : { userId: encodeId('user', userId) } },
    as,
  );
const ended = (mutation: string, endedSessions: number) => ({
  data: { [mutation]: { endedSessions, userErrors: [] } },
});

describe('viewer.sessions', () => {
  it('lists one’s own that go on, by device, with the one that asks', async () => {
    const organization = await identity.organization();
    const [first, second] = [await signIn(organization), await signIn(organization)];
    await signIn(await identity.organization());
    const answer = await identity.graphql(
      `{ viewer { sessions(first: 5) {
           nodes { id device ipAddress createdAt lastUsedAt expiresAt isCurrent } pageInfo { hasNextPage } } } }`,
      {},
      second.who,
    );
    const instant: unknown = expect.stringMatching(/Z$/);
    const same = { device: 'Firefox on Linux', ipAddress: '198.51.100.7', createdAt: instant, lastUsedAt: instant, expiresAt: instant }; // prettier-ignore
    expect(answer.data).toEqual({
      viewer: {
        sessions: {
          nodes: [
            { ...same, id: second.sessionId, isCurrent: true },
            { ...same, id: first.sessionId, isCurrent: false },
          ],
          pageInfo: { hasNextPage: false },
        },
      },
    });
  });

  it('goes on page by page', async () => {
    const organization = await identity.organization();
    const all: SignedIn[] = [];
    for (let n = 0; n < 3; n++) all.unshift(await signIn(organization));
    const page = async (after: string | null) => {
      const answer = await identity.graphql(
        'query ($after: String) { viewer { sessions(first: 2, after: $after) { nodes { id } pageInfo { endCursor } } } }',
        { after },
        all[0]?.who,
      );
      return (answer.data?.['viewer'] as { sessions: { nodes: { id: string }[]; pageInfo: { endCursor: string } } }).sessions; // prettier-ignore
    };
    const first = await page(null);
    const second = await page(first.pageInfo.endCursor);
    expect([...first.nodes, ...second.nodes].map(({ id }) => id)).toEqual(all.map(({ sessionId }) => sessionId)); // prettier-ignore
  });

  it('tells when a session was used last, to the minute, whatever sockets ask meanwhile', async () => {
    const session = await signIn(await identity.organization());
    const lastUsedAt = async () => {
      const answer = await identity.graphql(
        '{ viewer { sessions { nodes { lastUsedAt } } } }',
        {},
        session.who,
      );
      const { sessions } = answer.data?.['viewer'] as { sessions: { nodes: { lastUsedAt: string }[] } };
      return Date.parse(sessions.nodes[0]?.lastUsedAt ?? '');
    };
    const before = await lastUsedAt();
    identity.advance(59_000);
    await identity.whoIs({ accessToken: session.accessToken });
    expect(await lastUsedAt()).toBe(before);
    identity.advance(2_000);
    await identity.whoIs({ accessToken: session.accessToken, isWatching: true });
    expect(await lastUsedAt()).toBe(before);
    await identity.whoIs({ accessToken: session.accessToken });
    expect(await lastUsedAt()).toBeGreaterThanOrEqual(before + 61_000);
  });
});

describe('sessionRevoke', () => {
  it('ends one’s own session at once and no other', async () => {
    const organization = await identity.organization();
    const [first, second] = [await signIn(organization), await signIn(organization)];
    expect(await revoke(first.sessionId, second.who)).toEqual(ended('sessionRevoke', 1));
    expect([await statusOf(first), await statusOf(second)]).toEqual([401, 200]);
    expect(await revoke(first.sessionId, second.who)).toEqual(ended('sessionRevoke', 0));
  });

  it('ends a member’s for an Admin, and for nobody who may only see members', async () => {
    const organization = await identity.organization();
    const session = await signIn(await addMember(identity, organization, 'DEVELOPER'));
    for (const role of ['MANAGER', 'ANALYST'] as const) {
      const { as } = await addMember(identity, organization, role);
      expect((await revoke(session.sessionId, as)).errors?.[0]?.extensions.code).toBe('FORBIDDEN');
    }
    const { as } = await addMember(identity, organization, 'ADMIN');
    expect(await revoke(session.sessionId, as)).toEqual(ended('sessionRevoke', 1));
    expect(await statusOf(session)).toBe(401);
  });

  it('knows nothing of sessions in other organizations', async () => {
    const session = await signIn(await identity.organization());
    const stranger = await identity.ownerOf(await identity.organization());
    expect((await revoke(session.sessionId, stranger)).errors?.[0]?.extensions.code).toBe('NOT_FOUND');
    expect((await revoke(encodeId('session', newUuid()), stranger)).errors?.[0]?.extensions.code).toBe('NOT_FOUND'); // prettier-ignore
    expect(await statusOf(session)).toBe(200);
  });
});

describe('sessionRevokeAll', () => {
  it('ends every other session of one’s own', async () => {
    const organization = await identity.organization();
    const [a, b, mine] = [await signIn(organization), await signIn(organization), await signIn(organization)];
    expect(await revokeAll(null, mine.who)).toEqual(ended('sessionRevokeAll', 2));
    expect([await statusOf(a), await statusOf(b), await statusOf(mine)]).toEqual([401, 401, 200]);
  });

  it('ends a member’s in the Admin’s organization, and leaves theirs elsewhere', async () => {
    const [here, elsewhere] = [await identity.organization(), await identity.organization()];
    const member = await addMember(identity, here, 'ANALYST');
    await insertRow(client, 'identity.memberships', {
      id: newUuid(),
      organization_id: elsewhere.organizationId,
      user_id: member.userId,
      role: 'ANALYST',
    });
    const [a, b] = [await signIn(member), await signIn(member)];
    await client.query('update identity.sessions set organization_id = $1 where id = $2', [
      elsewhere.organizationId,
      b.who.actor.type === 'user' ? b.who.actor.sessionId : '',
    ]);
    expect(await revokeAll(member.userId, await identity.ownerOf(here))).toEqual(
      ended('sessionRevokeAll', 1),
    );
    expect([await statusOf(a), await statusOf(b)]).toEqual([401, 200]);
    const manager = await addMember(identity, here, 'MANAGER');
    expect((await revokeAll(member.userId, manager.as)).errors?.[0]?.extensions.code).toBe('FORBIDDEN');
  });
});

describe('organizationSwitch', () => {
  const switchTo = (organizationId: Uuid, as: Authenticated) =>
    identity.graphql(
      `mutation ($id: ID!) { organizationSwitch(input: { organizationId: $id }) {
         viewer { organization { id } permissions } userErrors { code } } }`,
      { id: encodeId('organization', organizationId) },
      as,
    );

  it('lets the same tokens act in another organization of the person, with the role there', async () => {
    const [first, second] = [await identity.organization(), await identity.organization()];
    await insertRow(client, 'identity.memberships', {
      id: newUuid(),
      organization_id: second.organizationId,
      user_id: first.userId,
      role: 'DEVELOPER',
    });
    const session = await signIn(first);
    expect(session.who.organizationId).toBe(first.organizationId);
    const answer = await switchTo(second.organizationId, session.who);
    expect(answer.data).toMatchObject({
      organizationSwitch: { viewer: { organization: { id: second.id } }, userErrors: [] },
    });
    const who = await identity.whoIs({ accessToken: session.accessToken });
    expect(who.organizationId).toBe(second.organizationId);
    expect(who.permissions).not.toContain('org.write');
  });

  it('refuses strangers, suspended members and closed organizations alike', async () => {
    const [own, other, closed] = [await identity.organization(), await identity.organization(), await identity.organization()]; // prettier-ignore
    const session = await signIn(own);
    for (const [organization, status] of [
      [other, 'SUSPENDED'],
      [closed, 'ACTIVE'],
    ] as const) {
      await insertRow(client, 'identity.memberships', {
        id: newUuid(),
        organization_id: organization.organizationId,
        user_id: own.userId,
        role: 'OWNER',
        status,
        ...(status === 'SUSPENDED' ? { suspended_at: new Date(), suspension_reason: 'away' } : {}),
      });
    }
    await client.query("update identity.organizations set status = 'CLOSED' where id = $1", [closed.organizationId]); // prettier-ignore
    const refused = {
      data: { organizationSwitch: { viewer: null, userErrors: [{ code: 'NOT_A_MEMBER' }] } },
    };
    for (const id of [
      other.organizationId,
      closed.organizationId,
      (await identity.organization()).organizationId,
      newUuid(),
    ]) {
      // prettier-ignore
      expect(await switchTo(id, session.who)).toEqual(refused);
    }
    expect((await identity.whoIs({ accessToken: session.accessToken })).organizationId).toBe(
      own.organizationId,
    );
  });
});

describe('the settings of an organization', () => {
  it('end a session that was not used for long enough', async () => {
    const organization = await identity.organization();
    await settings(organization, { idleMinutes: 15 });
    const session = await signIn(organization);
    expect(session.who.expiresAtMs).toBeLessThanOrEqual(identity.now() + 16 * 60_000);
    identity.advance(14 * 60_000);
    expect(await statusOf(session)).toBe(200);
    identity.advance(15 * 60_000);
    expect(await statusOf(session)).toBe(200);
    identity.advance(16 * 60_000);
    expect(await statusOf(session)).toBe(401);
    const refreshed = await identity.graphql(
      'mutation ($t: String) { sessionRefresh(input: { refreshToken: $t }) { userErrors { code } } }',
      { t: session.refreshToken },
      undefined,
      FIREFOX,
    );
    expect(refreshed.data).toEqual({ sessionRefresh: { userErrors: [{ code: 'INVALID_REFRESH_TOKEN' }] } });
  });

  it('end the oldest session when there are too many, also when several begin at once', async () => {
    const organization = await identity.organization();
    await settings(organization, { concurrentMax: 2 });
    const oldest = await signIn(organization);
    await Promise.all([signIn(organization), signIn(organization), signIn(organization)]);
    const newest = await signIn(organization);
    expect([await statusOf(oldest), await statusOf(newest)]).toEqual([401, 200]);
    const answer = await identity.graphql('{ viewer { sessions { nodes { id } } } }', {}, newest.who);
    expect((answer.data?.['viewer'] as { sessions: { nodes: object[] } }).sessions.nodes).toHaveLength(2);
  });
});
