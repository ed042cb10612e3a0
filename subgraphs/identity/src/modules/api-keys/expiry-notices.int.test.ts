import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { encodeId, type Uuid } from '@weir/kernel/ids';
import { createDatabase, type Database } from '@weir/prisma/database';
import { withTenant } from '@weir/prisma/tenant';
import { startTestIdentity, type TestIdentity, type TestOrganization } from '../../test-identity.ts';
import { tellExpiringKeys } from './expiry-notices.ts';

const DAY_MS = 86_400_000;

let identity: TestIdentity;
let organization: TestOrganization;
let db: Database;

beforeAll(async () => {
  identity = await startTestIdentity();
  db = createDatabase({ url: identity.databaseUrl, role: 'weir_identity', max: 4 });
});
afterAll(async () => {
  await db.$disconnect();
  await identity.stop();
});
beforeEach(async () => {
  organization = await identity.organization();
});

const clock = { now: () => identity.now() };
const tell = () => tellExpiringKeys({ db, clock });

async function addKey(of: TestOrganization, days: number | null): Promise<Uuid> {
  const { apiKeyId } = await identity.bootstrap.addApiKey({
    organizationId: of.organizationId,
    accountId: of.rootAccountId,
    name: `in ${String(days)} days`,
    scopes: ['inference:write'],
    ...(days === null ? {} : { expiresAt: new Date(identity.now() + days * DAY_MS) }),
  });
  return apiKeyId;
}

async function toldKeys(of: TestOrganization): Promise<string[]> {
  const rows = await withTenant(db, { organizationId: of.organizationId }, (tx) =>
    tx.apiKey.findMany({
      where: { expiryNotifiedAt: { not: null } },
      select: { name: true },
      orderBy: { name: 'asc' },
    }),
  );
  return rows.map(({ name }) => name);
}

it('tells keys of every organization that expire within seven days, once each', async () => {
  const other = await identity.organization();
  await tell();
  for (const days of [1, 6.9, 7.1, 30, null]) await addKey(organization, days);
  await addKey(other, 2);
  expect(await tell()).toBe(3);
  expect(await toldKeys(organization)).toEqual(['in 1 days', 'in 6.9 days']);
  expect(await toldKeys(other)).toEqual(['in 2 days']);
  expect(await tell()).toBe(0);
  identity.advance(DAY_MS);
  expect(await tell()).toBe(1);
});

it('tells each key once when several processes look at the same time', async () => {
  await tell();
  for (let index = 0; index < 20; index++) await addKey(organization, 3);
  const counts = await Promise.all([tell(), tell(), tell(), tell()]);
  counts.push(await tell());
  expect(counts.reduce((sum, count) => sum + count)).toBe(20);
});

it('tells a new expiry anew, and nothing of revoked keys', async () => {
  const owner = await identity.ownerOf(organization);
  const id = await addKey(organization, 3);
  const revoked = await addKey(organization, 4);
  const mutate = (name: string, input: string) =>
    identity.graphql(`mutation { ${name}(input: { ${input} }) { userErrors { code } } }`, {}, owner);
  const publicId = (key: Uuid) => encodeId('apiKey', key);
  await mutate('apiKeyRevoke', `id: "${publicId(revoked)}"`);
  await tell();
  expect(await toldKeys(organization)).toEqual(['in 3 days']);
  const expiresAt = new Date(identity.now() + 2 * DAY_MS).toISOString();
  await mutate('apiKeyUpdate', `id: "${publicId(id)}", expiresAt: "${expiresAt}"`);
  expect(await toldKeys(organization)).toEqual([]);
  expect(await tell()).toBe(1);
});

it('lists them with the soonest first', async () => {
  const owner = await identity.ownerOf(organization);
  for (const days of [5, 2, 8, null]) await addKey(organization, days);
  const names = async (argument: string) => {
    const answer = await identity.graphql(
      `query ($id: ID!) { organization(id: $id) { expiringApiKeys${argument} { name } } }`,
      { id: organization.id },
      owner,
    );
    return answer.data?.['organization'] ?? answer.errors?.[0]?.extensions.code;
  };
  expect(await names('')).toEqual({ expiringApiKeys: [{ name: 'in 2 days' }, { name: 'in 5 days' }] });
  expect(await names('(withinDays: 2)')).toEqual({ expiringApiKeys: [{ name: 'in 2 days' }] });
  expect(await names('(withinDays: 0)')).toMatchObject({ expiringApiKeys: null });
});
