import pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Authenticated } from '@weir/contracts/internal-identity';
import { createDatabase, type Database } from '@weir/prisma/database';
import { startTestIdentity, type TestIdentity, type TestOrganization } from '../../test-identity.ts';
import { recordExpiredImpersonations } from './impersonation-expiry.ts';

const MINUTE_MS = 60_000;

let identity: TestIdentity;
let superuser: pg.Client;
let processes: readonly Database[];
beforeAll(async () => {
  identity = await startTestIdentity();
  superuser = new pg.Client({ connectionString: identity.databaseUrl });
  await superuser.connect();
  const url = identity.databaseUrl;
  processes = [1, 2, 3].map(() => createDatabase({ url, role: 'weir_identity', max: 1 }));
});
afterAll(async () => {
  await Promise.all([superuser.end(), ...processes.map((db) => db.$disconnect())]);
  await identity.stop();
});

async function ask(mutation: string, input: object, as: Authenticated, shown: string): Promise<unknown> {
  const type = `${mutation.charAt(0).toUpperCase()}${mutation.slice(1)}Input!`;
  const operation = `mutation ($input: ${type}) { ${mutation}(input: $input) { ${shown} } }`;
  const { data, errors } = await identity.graphql(operation, { input }, as);
  if (!data) throw new Error(errors?.[0]?.message);
  return data[mutation];
}

/** Somebody of the platform looks into a fresh organization for half an hour. */
async function looking() {
  const organization = await identity.organization();
  const [owner, support] = [await identity.ownerOf(organization), await identity.systemAdmin()];
  const organizationId = organization.id;
  const granted = await ask('supportConsentGrant', { organizationId }, owner, 'consentToken');
  const { consentToken } = granted as { consentToken: string };
  const begin = { organizationId, consentToken, reason: 'Ticket 4711: requests are denied', ttlMinutes: 30 };
  const started = await ask('impersonationStart', begin, support, 'impersonation { id expiresAt }');
  const { impersonation } = started as { impersonation: { id: string; expiresAt: string } };
  return { organization, support, ...impersonation };
}

const sweep = () =>
  Promise.all(processes.map((db) => recordExpiredImpersonations({ db, clock: { now: identity.now } })));

async function stopsOf({ organizationId }: TestOrganization): Promise<readonly object[]> {
  const { rows } = await superuser.query<object>(
    `select actor_type, metadata::jsonb as metadata from audit.events
     where chain_id = $1 and action = 'support.impersonation.stop'`,
    [organizationId],
  );
  return rows;
}

it('that ends by itself is in the trail of its organization once, whichever process records it', async () => {
  const all = [await looking(), await looking(), await looking()];
  await sweep();
  for (const { organization } of all) expect(await stopsOf(organization)).toEqual([]);

  identity.advance(31 * MINUTE_MS);
  await sweep();
  await sweep();
  for (const { organization, expiresAt } of all) {
    const at = new Date(expiresAt).toISOString();
    expect(await stopsOf(organization)).toEqual([
      { actor_type: 'system', metadata: { expired: true, expiresAt: at } },
    ]);
  }
});

it('that was stopped is told of by whoever stopped it, and not again', async () => {
  const { organization, support, id } = await looking();
  await ask('impersonationStop', { id }, support, 'userErrors { code }');
  identity.advance(31 * MINUTE_MS);
  await sweep();
  expect(await stopsOf(organization)).toEqual([{ actor_type: 'user', metadata: {} }]);
});
