import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { tokenIn, waitForMail } from '@weir/identity/modules/mail/test-outbox';
import { sendGraphql, signIn, type GraphqlAnswer, type Session } from './src/graphql.ts';
import { startPlatform, type Platform } from './src/platform.ts';
import { until } from './src/until.ts';

const person = {
  email: 'ada@sluices.example',
  password: 'herons wade below the weir',
  displayName: 'Ada',
  organizationName: 'Sluices',
  slug: 'sluices',
};

let platform: Platform;
let owner: Session;
let operator: Session;
let id: string;
let secret: string;
beforeAll(async () => {
  platform = await startPlatform('embedded');
  // Of the people who operate the platform the first is made past its services.
  const database = new pg.Client({ connectionString: platform.databaseUrl });
  await database.connect();
  await database.query(`update identity.users set platform_role = 'SYSTEM_ADMIN' where email = $1`, [
    platform.access.email,
  ]);
  await database.end();
  operator = await signIn(platform.access);
});
afterAll(async () => {
  await platform[Symbol.asyncDispose]();
});

interface Payload {
  readonly userErrors: readonly { readonly code: string }[];
  readonly [field: string]: unknown;
}

async function change(session: Session, mutation: string, input: object, shown: string): Promise<Payload> {
  const type = `${mutation.charAt(0).toUpperCase()}${mutation.slice(1)}Input!`;
  const query = `mutation ($input: ${type}) { ${mutation}(input: $input) { ${shown} userErrors { code } } }`;
  const data = await session.ask<Record<string, Payload>>(query, { input });
  const payload = data[mutation];
  expect(payload?.userErrors).toEqual([]);
  return payload as Payload;
}

const anonymously = (query: string, input: object): Promise<GraphqlAnswer> =>
  sendGraphql(platform.access.graphqlUrl, query, { input });

/** What the inference path answers the organization's key. */
async function keyStatus(): Promise<number> {
  const answer = await fetch(`${platform.access.inferenceUrl}/models`, { headers: { 'x-api-key': secret } });
  await answer.text();
  return answer.status;
}

const untilKey = (status: number) =>
  until(`the key to get ${status}`, async () => ((await keyStatus()) === status ? true : undefined));

describe('an organization', () => {
  it('is signed up for, and is there once the address is confirmed by the mail in the outbox', async () => {
    const signedUp = await anonymously('mutation ($input: SignUpInput!) { signUp(input: $input) { email userErrors { code } } }', person); // prettier-ignore
    expect(signedUp.data).toEqual({ signUp: { email: person.email, userErrors: [] } });
    await expect(signIn({ ...platform.access, ...person })).rejects.toThrow('sign-in failed');
    const mail = await waitForMail(join(platform.home, 'outbox'), person.email);
    expect(mail).toContain(`:${new URL(platform.access.portalUrl).port}/verify-email#token=`);
    const verified = await anonymously('mutation ($input: EmailVerifyInput!) { emailVerify(input: $input) { email userErrors { code } } }', { token: tokenIn(mail) }); // prettier-ignore
    expect(verified.data).toEqual({ emailVerify: { email: person.email, userErrors: [] } });
    owner = await signIn({ ...platform.access, ...person });
    const { organization } = await owner.ask<{ organization: { id: string; planTier: string } }>(
      '{ organization(slug: "Sluices") { id planTier } }',
    );
    expect(organization.planTier).toBe('STARTER');
    ({ id } = organization);
  });

  it('decides for its keys and budgets, in whichever service they are', async () => {
    await change(
      owner,
      'organizationSettingsUpdate',
      {
        id,
        apiKeyDefaults: { expiresInDays: 90 },
        budgetDefaults: { enforcement: 'NOTIFY', thresholds: [25] },
      },
      'organization { version }',
    );
    const key = await change(
      owner,
      'apiKeyCreate',
      { organizationId: id, name: 'key' },
      'secret apiKey { expiresAt }',
    );
    secret = key['secret'] as string;
    expect(key['apiKey']).toMatchObject({ expiresAt: expect.any(String) as string });
    const input = { organizationId: id, name: 'All', metric: 'COST', limit: '10', period: 'MONTHLY' };
    const { budget } = await change(owner, 'budgetCreate', input, 'budget { enforcement thresholds }');
    expect(budget).toEqual({ enforcement: 'NOTIFY', thresholds: [25] });
    await untilKey(200);
  });

  it('is suspended and let go on by the people of the platform', async () => {
    const status = (to: string) =>
      change(
        operator,
        'organizationStatusUpdate',
        { id, status: to, reason: 'a test' },
        'organization { status }',
      );
    await status('SUSPENDED');
    await untilKey(401);
    await status('TRIAL');
    await untilKey(200);
  });

  it('is looked into with its consent, and changed by nobody who looks, in any service', async () => {
    const { consentToken } = await change(
      owner,
      'supportConsentGrant',
      { organizationId: id },
      'consentToken',
    );
    const order = { organizationId: id, reason: 'Ticket 4711: what is slow?', consentToken, ttlMinutes: 5 };
    const begun = await change(operator, 'impersonationStart', order, 'accessToken impersonation { id }');
    const send = (query: string) =>
      sendGraphql(platform.access.graphqlUrl, query, {}, begun['accessToken'] as string);
    const seen = await send(
      '{ viewer { impersonation { reason } organization { slug budgets { nodes { name } } } } }',
    );
    expect(seen.data).toEqual({
      viewer: {
        impersonation: { reason: order.reason },
        organization: { slug: 'sluices', budgets: { nodes: [{ name: 'All' }] } },
      },
    });
    for (const mutation of [
      `budgetCreate(input: { organizationId: "${id}", name: "x", metric: COST, limit: "1", period: DAILY }) { userErrors { code } }`,
      `organizationUpdate(input: { id: "${id}", name: "x" }) { userErrors { code } }`,
      'signOut { endedSessions }',
    ]) {
      expect((await send(`mutation { ${mutation} }`)).errors?.[0]?.extensions?.code).toBe('FORBIDDEN');
    }
    const { id: impersonationId } = begun['impersonation'] as { id: string };
    await change(owner, 'impersonationStop', { id: impersonationId }, 'impersonation { isActive }');
    const refused = async () => ((await send('{ viewer { platformRole } }')).errors ? true : undefined);
    await until('the end of looking', refused);
  });

  it('is deleted by its Owner, with its keys and sessions', async () => {
    await change(owner, 'organizationDelete', { id, confirmSlug: 'sluices' }, 'organizationId');
    await untilKey(401);
    const refused = async () => ((await owner.send('{ viewer { platformRole } }')).errors ? true : undefined);
    await until('the end of the session', refused);
    const { organizations } = await operator.ask<{ organizations: { nodes: object[] } }>(
      '{ organizations(search: "slui") { nodes { slug status } } }',
    );
    expect(organizations.nodes).toEqual([{ slug: 'sluices', status: 'CLOSED' }]);
  });
});
