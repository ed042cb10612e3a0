import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Authenticated } from '@weir/contracts/internal-identity';
import { newUuid } from '@weir/kernel/ids';
import { startTestIdentity, type TestIdentity, type TestOrganization } from '../../test-identity.ts';
import { addMember } from '../members/test-members.ts';

const MINUTE_MS = 60_000;
const REASON = 'Ticket 4711: requests are denied';

let identity: TestIdentity;
let organization: TestOrganization;
let owner: Authenticated;
let support: Authenticated;
beforeAll(async () => {
  identity = await startTestIdentity();
});
beforeEach(async () => {
  organization = await identity.organization();
  [owner, support] = [await identity.ownerOf(organization), await identity.systemAdmin()];
});
afterAll(async () => {
  await identity.stop();
});

interface Payload {
  readonly consentToken?: string;
  readonly accessToken?: string;
  readonly impersonation?: { readonly id: string; readonly isActive: boolean } | null;
  readonly userErrors: readonly { readonly code: string; readonly field: readonly string[] | null }[];
}

const SHOWN: Readonly<Record<string, string>> = {
  supportConsentGrant: 'consentToken expiresAt',
  impersonationStart: 'accessToken impersonation { id isActive }',
  impersonationStop: 'impersonation { id isActive }',
};

async function call(mutation: string, input: object, as: Authenticated): Promise<Payload> {
  const type = `${mutation.charAt(0).toUpperCase()}${mutation.slice(1)}Input!`;
  const answer = await identity.graphql(
    `mutation ($input: ${type}) { ${mutation}(input: $input) { ${SHOWN[mutation] ?? ''} userErrors { code field } } }`,
    { input },
    as,
  );
  const payload = answer.data?.[mutation];
  if (!payload) throw new Error(answer.errors?.[0]?.extensions.code);
  return payload as Payload;
}

async function consent(of: TestOrganization = organization, as: Authenticated = owner): Promise<string> {
  const { consentToken } = await call('supportConsentGrant', { organizationId: of.id }, as);
  return consentToken ?? '';
}

const begin = (given: object, as: Authenticated = support) =>
  call(
    'impersonationStart',
    { organizationId: organization.id, reason: REASON, ttlMinutes: 30, ...given },
    as,
  );

async function looking(given: object = {}) {
  const { accessToken = '', impersonation } = await begin({ consentToken: await consent(), ...given });
  return { accessToken, id: impersonation?.id ?? '', as: await identity.whoIs({ accessToken }) };
}

const codeOf = async (operation: string, as: Authenticated, variables: object = {}) =>
  (await identity.graphql(operation, variables, as)).errors?.[0]?.extensions.code;

describe('looking into an organization', () => {
  it('shows what its members see, tells both sides, and changes nothing', async () => {
    const { as, id } = await looking();
    expect(as).toMatchObject({ organizationId: organization.organizationId });
    expect(as.actor).not.toHaveProperty('platformRole');
    expect(as.permissions.every((permission) => permission.endsWith('.read'))).toBe(true);
    expect(as.permissions).toEqual(
      expect.arrayContaining(['org.read', 'apikey.read', 'usage.read', 'audit.read']),
    );
    const { data } = await identity.graphql(
      '{ viewer { platformRole organization { id accounts { nodes { kind } } } impersonation { id reason isActive supportUser { displayName } organization { id } } } }',
      {},
      as,
    );
    expect(data?.['viewer']).toEqual({
      platformRole: null,
      organization: { id: organization.id, accounts: { nodes: [{ kind: 'OWNER' }] } },
      impersonation: { id, reason: REASON, isActive: true, supportUser: { displayName: 'Admin' }, organization: { id: organization.id } }, // prettier-ignore
    });
    const list =
      'query ($id: ID!) { organization(id: $id) { impersonations { nodes { id reason isActive } } } }';
    expect((await identity.graphql(list, { id: organization.id }, owner)).data?.['organization']).toEqual({
      impersonations: { nodes: [{ id, reason: REASON, isActive: true }] },
    });
    expect((await identity.graphql('{ viewer { impersonation { id } } }', {}, owner)).data).toEqual({ viewer: { impersonation: null } }); // prettier-ignore
  });

  it('is refused every mutation, in every spelling, also of what is the person’s own', async () => {
    const { as, id } = await looking();
    const mutations = [
      'mutation { signOut { endedSessions } }',
      `mutation { organizationUpdate(input: { id: "${organization.id}", name: "Mine" }) { userErrors { code } } }`,
      `mutation { ...F } fragment F on Mutation { signOut { endedSessions } }`,
      `mutation { impersonationStop(input: { id: "${id}" }) { userErrors { code } } signOut { endedSessions } }`,
      `mutation { impersonationStop: signOut { endedSessions } }`,
    ];
    for (const mutation of mutations) expect(await codeOf(mutation, as), mutation).toBe('FORBIDDEN');
    expect(await call('impersonationStop', { id }, as)).toMatchObject({ impersonation: { id, isActive: false }, userErrors: [] }); // prettier-ignore
  });

  it('ends when it is stopped, by either side, and by itself', async () => {
    const stopped = await looking();
    await call('impersonationStop', { id: stopped.id }, support);
    expect((await identity.authenticate({ accessToken: stopped.accessToken })).status).toBe(401);
    expect((await call('impersonationStop', { id: stopped.id }, support)).userErrors).toEqual([{ code: 'NOT_ACTIVE', field: ['id'] }]); // prettier-ignore

    const revoked = await looking();
    await call('impersonationStop', { id: revoked.id }, owner);
    expect((await identity.authenticate({ accessToken: revoked.accessToken })).status).toBe(401);

    const expiring = await looking({ ttlMinutes: 120 });
    identity.advance(119 * MINUTE_MS);
    expect((await identity.authenticate({ accessToken: expiring.accessToken })).status).toBe(200);
    identity.advance(MINUTE_MS);
    expect((await identity.authenticate({ accessToken: expiring.accessToken })).status).toBe(401);
  });

  it('is one at a time for a person', async () => {
    const first = await looking();
    const consentToken = await consent();
    expect((await begin({ consentToken })).userErrors).toEqual([{ code: 'ALREADY_ACTIVE', field: null }]);
    await call('impersonationStop', { id: first.id }, support);
    // The consent was not used up by the refusal.
    expect((await begin({ consentToken })).userErrors).toEqual([]);
  });
});

describe('consent', () => {
  it('is good once, for its organization, in its time', async () => {
    const used = await consent();
    const { impersonation } = await begin({ consentToken: used });
    await call('impersonationStop', { id: impersonation?.id }, support);
    const other = await identity.organization();
    const foreign = await consent(other, await identity.ownerOf(other));
    const late = await consent();
    identity.advance(60 * MINUTE_MS);
    for (const consentToken of [used, foreign, late, 'guess']) {
      expect((await begin({ consentToken })).userErrors).toEqual([
        { code: 'NO_CONSENT', field: ['consentToken'] },
      ]);
    }
  });

  it('is given by people who may change the organization', async () => {
    const organizationId = organization.id;
    const analyst = (await addMember(identity, organization, 'ANALYST')).as;
    await expect(call('supportConsentGrant', { organizationId }, analyst)).rejects.toThrow('FORBIDDEN');
    await expect(call('supportConsentGrant', { organizationId }, support)).rejects.toThrow('NOT_FOUND');
    const program = { ...owner, actor: { type: 'apiKey', apiKeyId: newUuid(), accountId: organization.rootAccountId } } as const; // prettier-ignore
    await expect(call('supportConsentGrant', { organizationId }, program)).rejects.toThrow('FORBIDDEN');
    const admin = (await addMember(identity, organization, 'ADMIN')).as;
    expect((await call('supportConsentGrant', { organizationId, expiresInMinutes: 1 }, admin)).userErrors).toMatchObject([{ code: 'INVALID_TTL' }]); // prettier-ignore
    expect((await call('supportConsentGrant', { organizationId }, admin)).consentToken).toMatch(/^wsc_/);
  });

  it('is no use without a reason, within bounds, or to whoever does not operate the platform', async () => {
    const consentToken = await consent();
    const { userErrors } = await begin({ consentToken, reason: 'look', ttlMinutes: 121 });
    expect(userErrors.map(({ code }) => code)).toEqual(['INVALID_REASON', 'INVALID_TTL']);
    const stranger = await identity.ownerOf(await identity.organization());
    for (const as of [owner, stranger])
      await expect(begin({ consentToken }, as)).rejects.toThrow('FORBIDDEN');
    const { id } = await looking();
    await expect(call('impersonationStop', { id }, stranger)).rejects.toThrow('NOT_FOUND');
  });
});
