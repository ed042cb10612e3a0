import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Authenticated } from '@weir/contracts/internal-identity';
import { encodeId, newUuid } from '@weir/kernel/ids';
import { startTestIdentity, type TestIdentity, type TestOrganization } from '../../test-identity.ts';

let identity: TestIdentity;
let organization: TestOrganization;
let owner: Authenticated;
let keyId: string;

interface Event {
  readonly id: string;
  readonly sequence: string;
  readonly action: string;
  readonly result: string;
  readonly metadata: string;
  readonly actor: { readonly type: string; readonly id: string | null; readonly name: string | null };
  readonly target: { readonly type: string; readonly id: string | null; readonly name: string | null };
  readonly ipAddress: string | null;
  readonly requestId: string | null;
}

interface Page {
  readonly nodes: readonly Event[];
  readonly pageInfo: { readonly hasNextPage: boolean; readonly endCursor: string | null };
}

const EVENTS = `query ($id: ID!, $filter: AuditEventFilter, $first: Int, $after: String) {
  organization(id: $id) { auditEvents(filter: $filter, first: $first, after: $after) {
    nodes {
      id sequence action result metadata ipAddress requestId
      actor { type id name } target { type id name }
    }
    pageInfo { hasNextPage endCursor }
  } }
}`;

async function page(filter: object | null = null, args: object = {}, as = owner): Promise<Page> {
  const answer = await identity.graphql(EVENTS, { id: organization.id, filter, ...args }, as);
  if (answer.errors) throw new Error(answer.errors[0]?.message);
  return (answer.data?.['organization'] as { auditEvents: Page }).auditEvents;
}

const actions = async (filter: object): Promise<string[]> =>
  (await page(filter)).nodes.map((event) => event.action);

async function mutate(mutation: string, variables: object): Promise<Record<string, unknown>> {
  const answer = await identity.graphql(mutation, variables, owner);
  if (answer.errors) throw new Error(answer.errors[0]?.message);
  return answer.data ?? {};
}

beforeAll(async () => {
  identity = await startTestIdentity();
  organization = await identity.organization();
  owner = await identity.ownerOf(organization);
  await mutate(
    'mutation ($id: ID!) { organizationUpdate(input: { id: $id, name: "Another name" }) { userErrors { code } } }',
    { id: organization.id },
  );
  const created = await mutate(
    `mutation ($id: ID!) { apiKeyCreate(input: { organizationId: $id, name: "nightly-build" }) { apiKey { id } } }`,
    { id: organization.id },
  );
  keyId = (created['apiKeyCreate'] as { apiKey: { id: string } }).apiKey.id;
  await mutate('mutation ($id: ID!) { apiKeyRevoke(input: { id: $id }) { userErrors { code } } }', {
    id: keyId,
  });
});
afterAll(() => identity.stop());

describe('an audit trail', () => {
  it('tells who did what to what, from where and in which request, the newest first', async () => {
    const { nodes } = await page({ actions: ['apikey.*', 'org.update'] });
    expect(nodes.map((event) => event.action)).toEqual(['apikey.revoke', 'apikey.create', 'org.update']);
    if (owner.actor.type !== 'user') throw new Error('a person signed in');
    expect(nodes[0]).toMatchObject({
      result: 'SUCCESS',
      actor: { type: 'USER', id: encodeId('user', owner.actor.userId), name: organization.email },
      target: { type: 'apiKey', id: keyId, name: 'nightly-build' },
      ipAddress: '192.0.2.1',
      requestId: 'test',
    });
    const metadata = JSON.parse(nodes[2]?.metadata ?? '') as object;
    expect(metadata).toMatchObject({ name: { to: 'Another name' } });
  });

  it('is filtered by action, actor, target, result, time and words', async () => {
    expect(await actions({ actions: ['apikey.revoke'] })).toEqual(['apikey.revoke']);
    expect(await actions({ targetId: keyId })).toEqual(['apikey.revoke', 'apikey.create']);
    expect(await actions({ targetType: 'organization', actions: ['org.*'] })).toContain('org.update');
    expect(await actions({ result: 'DENIED' })).toEqual([]);
    expect(await actions({ search: 'NIGHTLY' })).toEqual(['apikey.revoke', 'apikey.create']);
    expect(await actions({ search: 'buil nigh' })).toHaveLength(2);
    expect(await actions({ search: 'nightly nothing' })).toEqual([]);
    expect(await actions({ search: `${organization.email} "'&|!` })).toContain('org.update');
    expect(await actions({ actorId: encodeId('user', newUuid()) })).toEqual([]);
    expect(await actions({ actorType: 'API_KEY' })).toEqual([]);
    const now = Date.now();
    const hour = (from: number, to: number) => ({
      range: {
        start: new Date(now + from * 3_600_000).toISOString(),
        end: new Date(now + to * 3_600_000).toISOString(),
      },
    });
    expect(await actions({ ...hour(-1, 1), targetId: keyId })).toHaveLength(2);
    expect(await actions({ ...hour(-2, -1), targetId: keyId })).toEqual([]);
    expect(await actions({ ...hour(1, 2), targetId: keyId })).toEqual([]);
  });

  it.each([
    [{ actions: ['no.such'] }, 'is no action'],
    [{ actorId: 'nonsense' }, 'actorId must be an id'],
    [{ search: 'x'.repeat(201) }, '200 characters'],
    [{ range: { start: '2026-01-02T00:00:00Z', end: '2026-01-01T00:00:00Z' } }, 'later than'],
  ])('refuses the filter %j', async (filter, message) => {
    await expect(page(filter)).rejects.toThrow(message);
  });

  it('is paged without a gap or a repetition', async () => {
    const all = (await page(null, { first: 100 })).nodes.map((event) => event.sequence);
    const seen: string[] = [];
    for (let after: string | null = null, more = true; more;) {
      const { nodes, pageInfo } = await page(null, { first: 1, after });
      seen.push(...nodes.map((event) => event.sequence));
      after = pageInfo.endCursor;
      more = pageInfo.hasNextPage;
    }
    expect(seen).toEqual(all);
    await expect(page(null, { after: 'nonsense' })).rejects.toThrow('endCursor');
  });

  it('shows one event by its id', async () => {
    const [event] = (await page()).nodes;
    const ask = async (as: Authenticated) =>
      identity.graphql('query ($id: ID!) { auditEvent(id: $id) { action } }', { id: event?.id }, as);
    expect((await ask(owner)).data).toEqual({ auditEvent: { action: event?.action } });
    const stranger = await identity.ownerOf(await identity.organization());
    expect((await ask(stranger)).data).toEqual({ auditEvent: null });
    const analyst = { ...owner, permissions: ['org.read' as const] };
    expect((await ask(analyst)).errors?.[0]?.extensions.code).toBe('FORBIDDEN');
  });

  it('is for those with the permission, in the organization itself', async () => {
    await expect(page(null, {}, { ...owner, permissions: ['org.read'] })).rejects.toThrow('audit.read');
    const platform = await identity.graphql('{ platformAuditEvents { nodes { id } } }', {}, owner);
    expect(platform.errors?.[0]?.extensions.code).toBe('FORBIDDEN');
  });

  it('of the platform is for its administrators', async () => {
    if (owner.actor.type !== 'user') throw new Error('a person signed in');
    const ask = (platformRole: 'SYSTEM_ADMIN' | 'SUPPORT') =>
      identity.graphql(
        '{ platformAuditEvents { nodes { action } } }',
        {},
        { ...owner, actor: { ...owner.actor, platformRole } as typeof owner.actor },
      );
    expect((await ask('SUPPORT')).errors?.[0]?.extensions.code).toBe('FORBIDDEN');
    expect((await ask('SYSTEM_ADMIN')).errors).toBeUndefined();
  });
});

describe('auditVerify', () => {
  const VERIFY = `mutation ($input: AuditVerifyInput!) { auditVerify(input: $input) {
    verification { isIntact checkedEvents head { sequence hash } problem { kind sequence message } }
    userErrors { code }
  } }`;

  it('says that the trail is intact, and leaves a trace of its own', async () => {
    const first = await mutate(VERIFY, { input: { organizationId: organization.id } });
    const { verification } = first['auditVerify'] as {
      verification: { isIntact: boolean; head: { sequence: string; hash: string } };
    };
    expect(verification.isIntact).toBe(true);
    const anchors = [verification.head];
    const again = await mutate(VERIFY, { input: { organizationId: organization.id, anchors } });
    expect(again).toMatchObject({ auditVerify: { verification: { isIntact: true, problem: null } } });
    expect((await actions({ actions: ['audit.verify'] })).length).toBe(2);
  });

  it('refuses an anchor that is none', async () => {
    const anchors = [{ sequence: '1', hash: 'abc' }];
    expect(await mutate(VERIFY, { input: { organizationId: organization.id, anchors } })).toMatchObject({
      auditVerify: { verification: null, userErrors: [{ code: 'INVALID_ANCHOR' }] },
    });
  });

  it('names the event that was tampered with', async () => {
    const other = await identity.organization();
    const as = await identity.ownerOf(other);
    const change = `mutation ($id: ID!) { organizationUpdate(input: { id: $id, name: "Changed" }) { userErrors { code } } }`;
    for (let n = 0; n < 3; n++) await identity.graphql(change, { id: other.id }, as);
    const superuser = new pg.Client({ connectionString: identity.databaseUrl });
    await superuser.connect();
    await superuser.query('set session_replication_role = replica');
    await superuser.query(
      `update audit.events set actor_name = 'mallory' where chain_id = $1 and sequence = 2`,
      [other.organizationId],
    );
    await superuser.end();
    const answer = await identity.graphql(VERIFY, { input: { organizationId: other.id } }, as);
    expect(answer.data).toMatchObject({
      auditVerify: {
        verification: {
          isIntact: false,
          problem: { kind: 'CHANGED', sequence: '2', message: 'Event 2 is not what was written.' },
        },
      },
    });
  });
});
