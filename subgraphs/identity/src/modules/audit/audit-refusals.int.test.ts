import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Authenticated } from '@weir/contracts/internal-identity';
import { startTestIdentity, type TestIdentity, type TestOrganization } from '../../test-identity.ts';

let identity: TestIdentity;
let superuser: pg.Client;
let organization: TestOrganization;
let owner: Authenticated;

beforeAll(async () => {
  identity = await startTestIdentity();
  superuser = new pg.Client({ connectionString: identity.databaseUrl });
  await superuser.connect();
  organization = await identity.organization();
  owner = await identity.ownerOf(organization);
});
afterAll(async () => {
  await superuser.end();
  await identity.stop();
});

interface Row {
  readonly action: string;
  readonly result: string;
  readonly target_name: string | null;
  readonly metadata: string;
  readonly actor_name: string | null;
  readonly request_id: string | null;
  readonly ip_address: string | null;
  readonly user_agent: string | null;
}

/** Refusals are written soon and not at once. */
async function eventually(chain: string | null, where: string, count = 1): Promise<readonly Row[]> {
  const chainId = chain ?? '00000000-0000-0000-0000-000000000000';
  for (const endAt = Date.now() + 20_000; ; await delay(10)) {
    const { rows } = await superuser.query<Row>(
      `select action, result, target_name, metadata, actor_name, request_id, ip_address, user_agent from audit.events
       where chain_id = $1 and ${where} order by sequence`,
      [chainId],
    );
    if (rows.length >= count || Date.now() > endAt) return rows;
  }
}

const signIn = (email: string, password: string) =>
  identity.graphql('mutation ($input: SignInInput!) { signIn(input: $input) { userErrors { code } } }', {
    input: { email, password },
  });

describe('what was refused is in the trail', () => {
  it('with the permission that was missing, once for an operation', async () => {
    const member = { ...owner, permissions: [] };
    const query = 'query ($id: ID!) { a: organization(id: $id) { name } b: organization(id: $id) { name } }';
    await identity.graphql(query, { id: organization.id }, member);
    const rows = await eventually(organization.organizationId, `action = 'access.denied'`);
    expect(rows).toHaveLength(1);
    expect(rows[0]).toMatchObject({ result: 'DENIED', target_name: 'a', actor_name: organization.email });
    expect(JSON.parse(rows[0]?.metadata ?? '')).toMatchObject({
      action: 'organization:read',
      permission: 'org.read',
      fields: 2,
    });
  });

  it('also what looked absent because it is another organization’s, without saying so to anybody', async () => {
    const other = await identity.organization();
    const answer = await identity.graphql(
      'mutation ($id: ID!) { organizationUpdate(input: { id: $id, name: "Mine" }) { userErrors { code } } }',
      { id: other.id },
      owner,
    );
    expect(answer.errors?.[0]).toMatchObject({ message: 'There is nothing with this id.' });
    expect(JSON.stringify(answer)).not.toContain('another organization');
    const rows = await eventually(organization.organizationId, `metadata like '%another organization%'`);
    expect(rows).toHaveLength(1);
    expect(await eventually(other.organizationId, `action = 'access.denied'`, 0)).toEqual([]);
  });

  it('is bounded: whoever asks a hundred times fills no table, and the number is told', async () => {
    const asker = await identity.ownerOf(organization);
    const member = { ...asker, permissions: [] };
    const ask = () =>
      identity.graphql(
        'query ($id: ID!) { organization(id: $id) { name } }',
        { id: organization.id },
        member,
      );
    const before = await eventually(organization.organizationId, `action = 'access.denied'`, 0);
    await Promise.all(Array.from({ length: 100 }, ask));
    const after = await eventually(
      organization.organizationId,
      `action = 'access.denied'`,
      before.length + 30,
    );
    expect(after.length - before.length).toBeLessThanOrEqual(30);
    identity.advance(60_000);
    await ask();
    expect(await eventually(organization.organizationId, `metadata like '%leftOut%'`)).toHaveLength(1);
  });
});

describe('a key that works no more', () => {
  it('is told when somebody still presents it, and is not when nobody ever had it', async () => {
    const { organizationId, rootAccountId: accountId } = organization;
    const added = { organizationId, accountId, name: 'lost', scopes: ['admin'] as const };
    const { apiKeyId, secret } = await identity.bootstrap.addApiKey(added);
    await superuser.query(
      `update identity.api_keys set revoked_at = now(), status = 'REVOKED' where id = $1`,
      [apiKeyId],
    );
    const from = { requestId: 'a request', ipAddress: '203.0.113.9', userAgent: 'test/1' };
    expect((await identity.authenticate({ apiKey: secret, from })).status).toBe(401);
    const [row] = await eventually(organizationId, `action = 'auth.apikey'`);
    expect(row).toMatchObject({ result: 'DENIED', target_name: 'lost', actor_name: 'lost' });
    expect(row).toMatchObject({ request_id: 'a request', ip_address: '203.0.113.9', user_agent: 'test/1' });
    expect(JSON.parse(row?.metadata ?? '')).toEqual({ reason: 'API_KEY_REVOKED' });
  });
});

describe('signing in is in the trail', () => {
  it('when it worked, and when it did not', async () => {
    const rows = await eventually(
      organization.organizationId,
      `action = 'auth.sign_in' and result = 'SUCCESS'`,
    );
    expect(rows[0]).toMatchObject({ actor_name: organization.email });
    await signIn(organization.email, 'a wrong password');
    const [failure] = await eventually(
      organization.organizationId,
      `action = 'auth.sign_in' and result = 'FAILURE'`,
    );
    expect(failure).toMatchObject({ target_name: organization.email });
    expect(JSON.parse(failure?.metadata ?? '')).toEqual({ reason: 'INVALID_CREDENTIALS' });
    expect(JSON.stringify(failure)).not.toContain('a wrong password');
  });

  it('of nobody we know is in the platform’s, with an address that tells little', async () => {
    await signIn('MyPassw0rd@example.org', 'x');
    const [failure] = await eventually(null, `action = 'auth.sign_in'`);
    expect(failure).toMatchObject({ target_name: 'm***@example.org', result: 'FAILURE' });
  });

  it('locks after too many failures, which is told once', async () => {
    const other = await identity.organization();
    for (let n = 0; n < 6; n++) await signIn(other.email, 'wrong');
    expect(await eventually(other.organizationId, `action = 'auth.lockout'`)).toHaveLength(1);
    expect(await eventually(other.organizationId, `metadata like '%LOCKED%'`, 2)).toHaveLength(2);
  });
});
