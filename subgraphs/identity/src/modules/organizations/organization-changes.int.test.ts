import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Authenticated } from '@weir/contracts/internal-identity';
import { encodeId } from '@weir/kernel/ids';
import { startTestIdentity, type TestIdentity, type TestOrganization } from '../../test-identity.ts';
import { addMember } from '../members/test-members.ts';

const HOUR_MS = 60 * 60_000;

let identity: TestIdentity;
let organization: TestOrganization;
let owner: Authenticated;
beforeAll(async () => {
  identity = await startTestIdentity();
});
beforeEach(async () => {
  organization = await identity.organization();
  owner = await identity.ownerOf(organization);
});
afterAll(async () => {
  await identity.stop();
});

interface Payload {
  readonly organization: Record<string, unknown> | null;
  readonly userErrors: readonly { readonly code: string; readonly field: readonly string[] | null }[];
}

const SHOWN = `version name description website currency timeZone
  contacts { billing { name email phone } technical { email } }
  address { lines city region postalCode countryCode }
  settings { passwordPolicy { lengthMin } sessions { idleMinutes concurrentMax } mfaRequiredRoleIds signInAllowIps
    retention { auditDays usageDays } apiKeyDefaults { expiresInDays limits { requestsPerMinute } }
    budgetDefaults { enforcement thresholds graceMinutes } featureFlags { name isOn } }`;

async function change(mutation: string, input: object, as: Authenticated = owner): Promise<Payload> {
  const type = `${mutation.charAt(0).toUpperCase()}${mutation.slice(1)}Input!`;
  const answer = await identity.graphql(
    `mutation ($input: ${type}) { ${mutation}(input: $input) { organization { ${SHOWN} } userErrors { code field } } }`,
    { input },
    as,
  );
  const payload = answer.data?.[mutation];
  if (!payload) throw new Error(answer.errors?.[0]?.extensions.code);
  return payload as Payload;
}

const update = (input: object, as?: Authenticated) => change('organizationUpdate', { id: organization.id, ...input }, as); // prettier-ignore
const updateSettings = (input: object, as?: Authenticated) => change('organizationSettingsUpdate', { id: organization.id, ...input }, as); // prettier-ignore

interface Change {
  readonly id: string;
  readonly kind: string;
  readonly changedAs: string;
  readonly changedBy: { readonly email: string } | null;
  readonly fields: readonly { readonly name: string; readonly before: string; readonly after: string }[];
  readonly version: number;
  readonly revertsId: string | null;
}

async function history(first = 20, after?: string) {
  const answer = await identity.graphql(
    `query ($id: ID!, $first: Int, $after: String) { organization(id: $id) { changes(first: $first, after: $after) {
      nodes { id kind changedAs changedBy { email } fields { name before after } version revertsId }
      pageInfo { hasNextPage endCursor } } } }`,
    { id: organization.id, first, after },
    owner,
  );
  const { changes } = answer.data?.['organization'] as {
    changes: { nodes: Change[]; pageInfo: { hasNextPage: boolean; endCursor: string } };
  };
  return changes;
}

const BILLING = { name: 'Ada Lovelace', email: 'Billing@Example.ORG', phone: '+49 (30) 123456' };
const ADDRESS = { lines: ['Weir Lane 1'], city: 'Berlin', postalCode: '10115', countryCode: 'de' };

describe('the profile', () => {
  it('is kept in one spelling, and what is left out stays', async () => {
    const first = await update({
      name: '  Sluices ',
      description: 'Regulates.\nMeasures.',
      website: 'https://sluices.example',
      contacts: { billing: BILLING },
      address: ADDRESS,
      currency: 'EUR',
    });
    const expected = {
      name: 'Sluices',
      website: 'https://sluices.example',
      currency: 'EUR',
      timeZone: 'Europe/Berlin',
      contacts: { billing: { ...BILLING, email: 'billing@example.org' }, technical: null },
      address: { ...ADDRESS, region: null, countryCode: 'DE' },
    };
    expect(first).toMatchObject({ organization: { ...expected, version: 2 }, userErrors: [] });
    const second = await update({
      contacts: { technical: { name: 'T', email: 't@example.org' } },
      website: null,
    });
    expect(second.organization).toMatchObject({
      ...expected,
      website: null,
      version: 3,
      contacts: { billing: expected.contacts.billing, technical: { email: 't@example.org' } },
    });
  });

  it('refuses what is none, naming each member', async () => {
    const { organization: nothing, userErrors } = await update({
      name: 'x'.repeat(121),
      description: 'x'.repeat(2_001),
      website: 'javascript:alert(1)',
      contacts: { support: { name: '', email: 'nobody', phone: 'call me' } },
      address: { lines: [], city: ' ', countryCode: 'UK' },
      currency: 'XYZ',
    });
    expect(nothing).toBeNull();
    expect(userErrors.map(({ code, field }) => `${code} ${field?.join('.')}`)).toEqual([
      'INVALID_NAME name',
      'INVALID_DESCRIPTION description',
      'INVALID_WEBSITE website',
      'INVALID_CONTACT contacts.support.name',
      'INVALID_CONTACT contacts.support.email',
      'INVALID_CONTACT contacts.support.phone',
      'INVALID_ADDRESS address.lines',
      'INVALID_ADDRESS address.city',
      'INVALID_ADDRESS address.countryCode',
      'INVALID_CURRENCY currency',
    ]);
    expect((await history()).nodes).toEqual([]);
  });

  it('is found by its slug as by its id', async () => {
    const bySlug = 'query ($slug: String, $id: ID) { organization(slug: $slug, id: $id) { id slug } }';
    const slug = organization.email.split('@')[0] ?? '';
    const find = async (variables: object, as = owner) => identity.graphql(bySlug, variables, as);
    expect((await find({ slug: ` ${slug.toUpperCase()}` })).data).toEqual({ organization: { id: organization.id, slug } }); // prettier-ignore
    const other = await identity.ownerOf(await identity.organization());
    expect((await find({ slug }, other)).data).toEqual({ organization: null });
    expect((await find({ slug, id: organization.id })).errors?.[0]?.extensions.code).toBe('BAD_USER_INPUT');
  });
});

describe('changes', () => {
  it('tell who, when and what, before and after, and nothing that changed nothing', async () => {
    await update({ name: 'Sluices', timeZone: 'Europe/Berlin' });
    await update({ name: 'Sluices' });
    await updateSettings({ sessions: { concurrentMax: 3 } });
    const { nodes } = await history();
    expect(nodes).toMatchObject([
      { kind: 'SETTINGS', version: 3, changedAs: 'USER', changedBy: { email: organization.email } },
      { kind: 'PROFILE', version: 2 },
    ]);
    const slug = organization.email.split('@')[0] ?? '';
    expect(nodes[1]?.fields).toEqual([{ name: 'name', before: `"The ${slug}"`, after: '"Sluices"' }]);
    expect(nodes[0]?.fields).toEqual([
      {
        name: 'settings.sessions',
        before: '{"idleMinutes":null,"concurrentMax":null}',
        after: '{"idleMinutes":null,"concurrentMax":3}',
      },
    ]);
  });

  it('come page by page, the latest first', async () => {
    for (const name of ['One', 'Two', 'Three']) {
      identity.advance(1);
      await update({ name });
    }
    const page = await history(2);
    expect(page.nodes.map(({ version }) => version)).toEqual([4, 3]);
    expect((await history(2, page.pageInfo.endCursor)).nodes.map(({ version }) => version)).toEqual([2]);
  });

  it('meant for another version are refused', async () => {
    expect((await update({ name: 'One', expectedVersion: 1 })).userErrors).toEqual([]);
    for (const stale of [update, updateSettings]) {
      expect((await stale({ expectedVersion: 1 })).userErrors).toEqual([{ code: 'CONFLICT', field: ['expectedVersion'] }]); // prettier-ignore
    }
  });

  it('are for Owners and Admins', async () => {
    const developer = (await addMember(identity, organization, 'DEVELOPER')).as;
    await expect(update({ name: 'Mine' }, developer)).rejects.toThrow('FORBIDDEN');
    await expect(updateSettings({ signInAllowIps: null }, developer)).rejects.toThrow('FORBIDDEN');
    const other = await identity.ownerOf(await identity.organization());
    await expect(update({ name: 'Mine' }, other)).rejects.toThrow('NOT_FOUND');
    const admin = (await addMember(identity, organization, 'ADMIN')).as;
    expect((await update({ name: 'Ours' }, admin)).userErrors).toEqual([]);
  });
});

describe('taking a change back', () => {
  const revert = (changeId: string) => change('organizationChangeRevert', { organizationId: organization.id, changeId }); // prettier-ignore
  const notRevertible = { organization: null, userErrors: [{ code: 'NOT_REVERTIBLE', field: ['changeId'] }] };

  it('brings every field of it back, once', async () => {
    await update({ contacts: { billing: BILLING }, address: ADDRESS, website: 'https://a.example' });
    await update({ contacts: { billing: null }, address: null, website: null, description: 'Changed.' });
    const [latest] = (await history()).nodes;
    const reverted = await revert(latest?.id ?? '');
    expect(reverted.organization).toMatchObject({
      description: '',
      website: 'https://a.example',
      address: { city: 'Berlin' },
      contacts: { billing: { name: 'Ada Lovelace' } },
      version: 4,
    });
    expect((await history()).nodes[0]).toMatchObject({ kind: 'REVERT', revertsId: latest?.id });
    expect(await revert(latest?.id ?? '')).toEqual(notRevertible);
  });

  it('is refused once the same was changed again, after a day, and for other kinds', async () => {
    await update({ name: 'One' });
    const [one] = (await history()).nodes;
    await update({ name: 'Two' });
    expect(await revert(one?.id ?? '')).toEqual(notRevertible);
    await updateSettings({ sessions: { concurrentMax: 3 } });
    const [settings, two] = (await history()).nodes;
    expect(await revert(settings?.id ?? '')).toEqual(notRevertible);
    identity.advance(24 * HOUR_MS);
    expect(await change('organizationChangeRevert', { organizationId: organization.id, changeId: two?.id }, await identity.ownerOf(organization))).toEqual(notRevertible); // prettier-ignore
  });

  it('of another organization looks absent', async () => {
    await update({ name: 'One' });
    const [one] = (await history()).nodes;
    const other = await identity.organization();
    const stranger = await identity.ownerOf(other);
    const theirs = change(
      'organizationChangeRevert',
      { organizationId: other.id, changeId: one?.id },
      stranger,
    );
    await expect(theirs).rejects.toThrow('NOT_FOUND');
  });
});

describe('settings', () => {
  it('have defaults, and change one by one', async () => {
    const { organization: fresh } = await update({});
    expect(fresh?.['settings']).toEqual({
      passwordPolicy: { lengthMin: 12 },
      sessions: { idleMinutes: null, concurrentMax: null },
      mfaRequiredRoleIds: [],
      signInAllowIps: null,
      retention: { auditDays: 2_555, usageDays: 400 },
      apiKeyDefaults: { expiresInDays: null, limits: { requestsPerMinute: null } },
      budgetDefaults: { enforcement: 'BLOCK', thresholds: [50, 80, 100], graceMinutes: 0 },
      featureFlags: [],
    });
    await updateSettings({
      passwordPolicy: { lengthMin: 16 },
      mfaRequiredRoleIds: ['rol_owner', 'rol_admin'],
      signInAllowIps: ['192.0.2.0/24', '2001:db8::1'],
      apiKeyDefaults: { expiresInDays: 90, limits: { requestsPerMinute: 10 } },
      budgetDefaults: { enforcement: 'WARN', thresholds: [10, 90] },
      featureFlags: [
        { name: 'portal.beta', isOn: true },
        { name: 'old', isOn: false },
      ],
    });
    const { organization: changed } = await updateSettings({
      sessions: { idleMinutes: 30 },
      apiKeyDefaults: { expiresInDays: null },
      featureFlags: [{ name: 'old', isOn: null }],
    });
    expect(changed?.['settings']).toEqual({
      passwordPolicy: { lengthMin: 16 },
      sessions: { idleMinutes: 30, concurrentMax: null },
      mfaRequiredRoleIds: ['rol_owner', 'rol_admin'],
      signInAllowIps: ['192.0.2.0/24', '2001:db8::1'],
      retention: { auditDays: 2_555, usageDays: 400 },
      apiKeyDefaults: { expiresInDays: null, limits: { requestsPerMinute: 10 } },
      budgetDefaults: { enforcement: 'WARN', thresholds: [10, 90], graceMinutes: 0 },
      featureFlags: [{ name: 'portal.beta', isOn: true }],
    });
    const flags = 'query ($id: ID!) { organization(id: $id) { on: featureEnabled(name: "portal.beta") off: featureEnabled(name: "toString") } }'; // prettier-ignore
    expect((await identity.graphql(flags, { id: organization.id }, owner)).data).toEqual({ organization: { on: true, off: false } }); // prettier-ignore
  });

  it('bind where they apply: new keys, and from where members act', async () => {
    const locked = await updateSettings({ signInAllowIps: ['10.0.0.0/8'] });
    expect(locked.userErrors).toEqual([{ code: 'INVALID_SETTING', field: ['signInAllowIps'] }]);
    await updateSettings({
      signInAllowIps: ['192.0.2.0/24'],
      apiKeyDefaults: { expiresInDays: 90, limits: { requestsPerMinute: 10, concurrency: 50 } },
    });
    // Which the gateway compares with where each request comes from.
    expect((await identity.ownerOf(organization)).allowIps).toEqual([['192.0.2.0/24']]);
    await update({ limits: { concurrency: 5 } });
    const create = async (input: object) => {
      const mutation = 'mutation ($input: ApiKeyCreateInput!) { apiKeyCreate(input: $input) { apiKey { expiresAt limits { requestsPerMinute concurrency } } userErrors { code } } }'; // prettier-ignore
      const answer = await identity.graphql(
        mutation,
        { input: { organizationId: organization.id, ...input } },
        owner,
      );
      return (answer.data?.['apiKeyCreate'] as { apiKey: { expiresAt: string | null; limits: object } })
        .apiKey;
    };
    const silent = await create({ name: 'silent' });
    // A default that could never take effect is left out.
    expect(silent.limits).toEqual({ requestsPerMinute: 10, concurrency: null });
    const days = (Date.parse(silent.expiresAt ?? '') - identity.now()) / 86_400_000;
    expect(days).toBeGreaterThan(89.9);
    expect(days).toBeLessThanOrEqual(90);
    expect(await create({ name: 'told', expiresAt: null, limits: { requestsPerMinute: 3 } })).toEqual({
      expiresAt: null,
      limits: { requestsPerMinute: 3, concurrency: null },
    });
  });

  it('stay within their bounds', async () => {
    const { userErrors } = await updateSettings({
      passwordPolicy: { lengthMin: 8 },
      sessions: { idleMinutes: 1, concurrentMax: 0 },
      invitations: { lifeDays: 31 },
      retention: { auditDays: 1, usageDays: 1 },
      apiKeyDefaults: { expiresInDays: 0, limits: { requestsPerMinute: -1 } },
      budgetDefaults: { thresholds: [50, 50], graceMinutes: -1 },
      signInAllowIps: ['somewhere'],
      featureFlags: [{ name: 'No Such Name', isOn: true }],
    });
    expect(userErrors.map(({ code, field }) => `${code} ${field?.join('.')}`)).toEqual([
      'INVALID_SETTING passwordPolicy.lengthMin',
      'INVALID_SETTING sessions.idleMinutes',
      'INVALID_SETTING sessions.concurrentMax',
      'INVALID_SETTING invitations.lifeDays',
      'INVALID_SETTING retention.auditDays',
      'INVALID_SETTING retention.usageDays',
      'INVALID_SETTING apiKeyDefaults.expiresInDays',
      'INVALID_SETTING budgetDefaults.graceMinutes',
      'INVALID_SETTING budgetDefaults.thresholds',
      'INVALID_SETTING signInAllowIps',
      'INVALID_LIMIT apiKeyDefaults.limits.requestsPerMinute',
      'INVALID_SETTING featureFlags.0.name',
    ]);
    const custom = updateSettings({ mfaRequiredRoleIds: [encodeId('role', organization.userId)] });
    await expect(custom).rejects.toThrow('BAD_USER_INPUT');
  });
});
