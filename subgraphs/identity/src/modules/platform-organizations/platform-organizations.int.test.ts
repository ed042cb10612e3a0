import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Authenticated } from '@weir/contracts/internal-identity';
import { policySnapshotSchema } from '@weir/contracts/policy-snapshot';
import { newUuid } from '@weir/kernel/ids';
import { createDatabase, type Database } from '@weir/prisma/database';
import { startTestIdentity, type TestIdentity, type TestOrganization } from '../../test-identity.ts';
import { hashOfSecret } from '../api-keys/api-key.ts';
import { tokenIn } from '../mail/test-outbox.ts';
import { addMember } from '../members/test-members.ts';
import { PLAN_LIMITS } from '../plans/plan.ts';

const PASSWORD = 'herons wade below the weir';

let identity: TestIdentity;
let proxy: Database;
let admin: Authenticated;
let support: Authenticated;
beforeAll(async () => {
  identity = await startTestIdentity();
  proxy = createDatabase({ url: identity.databaseUrl, role: 'weir_proxy', max: 1 });
  admin = await identity.systemAdmin();
  const { actor } = admin;
  if (actor.type !== 'user') throw new Error('a system administrator is a person');
  support = { ...admin, actor: { ...actor, platformRole: 'SUPPORT' } };
});
afterAll(async () => {
  await proxy.$disconnect();
  await identity.stop();
});

interface Payload {
  readonly organization?: Record<string, unknown> | null;
  readonly organizationId?: string | null;
  readonly userErrors: readonly { readonly code: string; readonly field: readonly string[] | null }[];
}

async function change(mutation: string, input: object, as: Authenticated = admin): Promise<Payload> {
  const type = `${mutation.charAt(0).toUpperCase()}${mutation.slice(1)}Input!`;
  const shown =
    mutation === 'organizationDelete' ? 'organizationId' : 'organization { id slug status planTier version }';
  const answer = await identity.graphql(
    `mutation ($input: ${type}) { ${mutation}(input: $input) { ${shown} userErrors { code field } } }`,
    { input },
    as,
  );
  const payload = answer.data?.[mutation];
  if (!payload) throw new Error(answer.errors?.[0]?.extensions.code);
  return payload as Payload;
}

const slugOf = ({ email }: Pick<TestOrganization, 'email'>): string => email.split('@')[0] ?? '';

async function onProxy(secret: string) {
  const [row] = await proxy.$queryRaw<{ snapshot: unknown }[]>`
    select policy.snapshot(${new Uint8Array(hashOfSecret(secret))}) as snapshot`;
  return policySnapshotSchema.parse(row?.snapshot).organization;
}

async function keyOf({ organizationId, rootAccountId: accountId }: TestOrganization) {
  return (await identity.bootstrap.addApiKey({ organizationId, accountId, name: 'key', scopes: ['admin'] }))
    .secret;
}

describe('creating an organization for somebody', () => {
  const input = () => {
    const slug = `made-${newUuid().slice(-12)}`;
    return {
      name: 'Made',
      slug,
      ownerEmail: `${slug}@example.org`,
      ownerDisplayName: 'Grace',
      planTier: 'GROWTH',
    };
  };

  it('mails the Owner, who chooses a password with it and signs in', async () => {
    const made = input();
    const { organization, userErrors } = await change('organizationCreate', made);
    expect({ organization, userErrors }).toMatchObject({
      organization: { slug: made.slug, status: 'ACTIVE', planTier: 'GROWTH', version: 1 },
      userErrors: [],
    });
    const owner = { email: made.ownerEmail, password: PASSWORD };
    expect(await identity.ownerOf(owner).catch(() => undefined)).toBeUndefined();
    const token = tokenIn(await identity.mailTo(made.ownerEmail));
    const verify = async (given: object) => {
      const mutation = 'mutation ($input: EmailVerifyInput!) { emailVerify(input: $input) { email userErrors { code } } }'; // prettier-ignore
      return (await identity.graphql(mutation, { input: { token, ...given } })).data?.['emailVerify'];
    };
    expect(await verify({})).toEqual({ email: null, userErrors: [{ code: 'PASSWORD_REQUIRED' }] });
    expect(await verify({ password: 'password1234' })).toMatchObject({
      userErrors: [{ code: 'WEAK_PASSWORD' }],
    });
    expect(await verify({ password: PASSWORD })).toEqual({ email: made.ownerEmail, userErrors: [] });
    const signedIn = await identity.ownerOf(owner);
    const { data } = await identity.graphql('{ viewer { organization { id } permissions } }', {}, signedIn);
    expect(data).toMatchObject({ viewer: { organization: { id: organization?.['id'] } } });
    expect(signedIn.permissions).toContain('org.delete');
    expect(await verify({ password: PASSWORD })).toMatchObject({ userErrors: [{ code: 'INVALID_TOKEN' }] });
  });

  it('adds it to what somebody who has an account owns', async () => {
    const existing = await identity.organization();
    const made = { ...input(), ownerEmail: existing.email.toUpperCase() };
    expect((await change('organizationCreate', made)).userErrors).toEqual([]);
    expect(await identity.mailTo(existing.email)).toContain('You are the Owner of Made. Sign in as usual');
    const owner = await identity.ownerOf(existing);
    const { data } = await identity.graphql(
      '{ viewer { memberships { organization { slug } } } }',
      {},
      owner,
    );
    expect(data?.['viewer']).toEqual({
      memberships: [{ organization: { slug: slugOf(existing) } }, { organization: { slug: made.slug } }],
    });
  });

  it('says what is wrong', async () => {
    const taken = slugOf(await identity.organization());
    expect((await change('organizationCreate', { ...input(), slug: taken })).userErrors).toEqual([{ code: 'INVALID_SLUG', field: ['slug'] }]); // prettier-ignore
    const wrong = { name: '', slug: '_', ownerEmail: 'nobody', ownerDisplayName: ' ' };
    expect((await change('organizationCreate', wrong)).userErrors.map(({ field }) => field?.[0])).toEqual(['name', 'slug', 'ownerEmail', 'ownerDisplayName']); // prettier-ignore
  });
});

describe('the list of organizations', () => {
  it('is searched, filtered and paged, for people who operate the platform alone', async () => {
    const tag = newUuid().slice(-12);
    for (const name of ['Alpha', 'Beta', 'Gamma_%']) {
      await change('organizationCreate', { name: `${name} ${tag}`, slug: `${name.slice(0, 4).toLowerCase()}-${tag}`, ownerEmail: `${tag}@example.org` }); // prettier-ignore
      identity.advance(1);
    }
    const query = `query ($search: String, $status: OrganizationStatus, $first: Int, $after: String) {
      organizations(search: $search, status: $status, first: $first, after: $after) { nodes { name } pageInfo { endCursor hasNextPage } } }`;
    const list = async (variables: object, as: Authenticated = support) => {
      const answer = await identity.graphql(query, variables, as);
      if (answer.errors) throw new Error(answer.errors[0]?.extensions.code);
      return answer.data?.['organizations'] as { nodes: { name: string }[]; pageInfo: { endCursor: string; hasNextPage: boolean } }; // prettier-ignore
    };
    const first = await list({ search: tag.toUpperCase(), first: 2 });
    expect(first.nodes.map(({ name }) => name.split(' ')[0])).toEqual(['Alpha', 'Beta']);
    const second = await list({ search: tag, first: 2, after: first.pageInfo.endCursor });
    expect(second).toMatchObject({ nodes: [{ name: `Gamma_% ${tag}` }], pageInfo: { hasNextPage: false } });
    // What is searched for is a text and no pattern.
    expect((await list({ search: `_% ${tag}` })).nodes).toHaveLength(1);
    expect((await list({ search: `%${tag}` })).nodes).toHaveLength(0);
    expect((await list({ search: tag, status: 'SUSPENDED' })).nodes).toEqual([]);
    const owner = await identity.ownerOf(await identity.organization());
    await expect(list({}, owner)).rejects.toThrow('FORBIDDEN');
  });
});

describe('plan and status', () => {
  it('change on the proxy at once, and in the history', async () => {
    const organization = await identity.organization();
    const secret = await keyOf(organization);
    const { id } = organization;
    await change('organizationPlanUpdate', { id, planTier: 'STARTER' });
    expect((await onProxy(secret)).limits).toEqual(PLAN_LIMITS.STARTER);
    await change('organizationStatusUpdate', { id, status: 'SUSPENDED', reason: 'unpaid' });
    expect((await onProxy(secret)).status).toBe('SUSPENDED');
    const refused = (await (await identity.authenticate({ apiKey: secret })).json()) as { code: string };
    expect(refused.code).toBe('ACCOUNT_SUSPENDED');
    const owner = await identity.ownerOf(organization);
    const { data } = await identity.graphql(
      'query ($id: ID!) { organization(id: $id) { status effectiveLimits { concurrency } changes { nodes { kind changedAs changedBy { id } fields { name } } } } }',
      { id },
      owner,
    );
    expect(data?.['organization']).toEqual({
      status: 'SUSPENDED',
      effectiveLimits: { concurrency: PLAN_LIMITS.STARTER.concurrency },
      changes: {
        nodes: [
          { kind: 'STATUS', changedAs: 'PLATFORM', changedBy: null, fields: [{ name: 'status' }] },
          { kind: 'PLAN', changedAs: 'PLATFORM', changedBy: null, fields: [{ name: 'planTier' }] },
        ],
      },
    });
    await change('organizationStatusUpdate', { id, status: 'TRIAL', reason: 'paid' });
    expect((await identity.whoIs({ apiKey: secret })).organizationId).toBe(organization.organizationId);
  });

  it('are for system administrators, with a reason and for the version that they mean', async () => {
    const organization = await identity.organization();
    const { id } = organization;
    const owner = await identity.ownerOf(organization);
    for (const as of [support, owner]) {
      await expect(change('organizationPlanUpdate', { id, planTier: 'STARTER' }, as)).rejects.toThrow(
        'FORBIDDEN',
      );
      await expect(change('organizationStatusUpdate', { id, status: 'CLOSED', reason: 'x' }, as)).rejects.toThrow('FORBIDDEN'); // prettier-ignore
      await expect(change('organizationCreate', { name: 'x', slug: 'x', ownerEmail: 'x@example.org' }, as)).rejects.toThrow('FORBIDDEN'); // prettier-ignore
    }
    expect((await change('organizationStatusUpdate', { id, status: 'CLOSED', reason: ' ' })).userErrors).toEqual([{ code: 'INVALID_REASON', field: ['reason'] }]); // prettier-ignore
    expect((await change('organizationPlanUpdate', { id, planTier: 'GROWTH', expectedVersion: 9 })).userErrors).toEqual([{ code: 'CONFLICT', field: ['expectedVersion'] }]); // prettier-ignore
  });
});

describe('deleting an organization', () => {
  it('ends its keys and sessions at once, and keeps its records', async () => {
    const organization = await identity.organization();
    const { id } = organization;
    const secret = await keyOf(organization);
    const signIn = await identity.graphql(
      'mutation ($input: SignInInput!) { signIn(input: $input) { accessToken refreshToken } }',
      { input: { email: organization.email, password: organization.password } },
    );
    const tokens = signIn.data?.['signIn'] as { accessToken: string };
    const owner = await identity.whoIs(tokens);
    expect((await change('organizationDelete', { id, confirmSlug: 'another' }, owner)).userErrors).toEqual([{ code: 'NOT_CONFIRMED', field: ['confirmSlug'] }]); // prettier-ignore
    const confirmSlug = slugOf(organization);
    expect(await change('organizationDelete', { id, confirmSlug }, owner)).toEqual({ organizationId: id, userErrors: [] }); // prettier-ignore
    expect((await identity.authenticate(tokens)).status).toBe(401);
    expect((await identity.authenticate({ apiKey: secret })).status).toBe(401);
    expect((await onProxy(secret)).status).toBe('CLOSED');
    // Its former Owner still exists, without it; its slug stays taken.
    const former = await identity.ownerOf(organization);
    expect(former).toMatchObject({ organizationId: null, permissions: [] });
    const seen = await identity.graphql('query ($id: ID!) { organization(id: $id) { id } }', { id }, former);
    expect(seen.data).toEqual({ organization: null });
    const kept = await identity.graphql('query ($id: ID!) { organization(id: $id) { status deletedAt } }', { id }, support); // prettier-ignore
    expect(kept.data?.['organization']).toMatchObject({
      status: 'CLOSED',
      deletedAt: expect.any(String) as string,
    });
    expect((await change('organizationDelete', { id, confirmSlug })).userErrors).toEqual([{ code: 'DELETED', field: null }]); // prettier-ignore
    expect((await change('organizationStatusUpdate', { id, status: 'ACTIVE', reason: 'back' })).userErrors).toMatchObject([{ code: 'DELETED' }]); // prettier-ignore
  });

  it('is for Owners and system administrators', async () => {
    const organization = await identity.organization();
    const { id } = organization;
    const confirmSlug = slugOf(organization);
    const member = (await addMember(identity, organization, 'ADMIN')).as;
    await expect(change('organizationDelete', { id, confirmSlug }, member)).rejects.toThrow('FORBIDDEN');
    const stranger = await identity.ownerOf(await identity.organization());
    for (const as of [stranger, support]) {
      await expect(change('organizationDelete', { id, confirmSlug }, as)).rejects.toThrow('NOT_FOUND');
    }
    const reason = 'asked for by letter';
    expect((await change('organizationDelete', { id, confirmSlug, reason })).userErrors).toEqual([]);
  });

  it('waits for open invoices', async () => {
    const organization = await identity.organization();
    const { id } = organization;
    const operator = new pg.Client({ connectionString: identity.databaseUrl });
    await operator.connect();
    const answering = (open: number) =>
      operator.query(`create or replace function billing.open_invoices(organization uuid) returns int
        language sql stable security definer set search_path = '' as $$ select ${open} $$`);
    try {
      await answering(1);
      const { userErrors } = await change('organizationDelete', { id, confirmSlug: slugOf(organization) });
      expect(userErrors).toEqual([{ code: 'INVOICES_OPEN', field: null }]);
    } finally {
      await answering(0);
      await operator.end();
    }
  });
});
