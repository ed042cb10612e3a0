import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { generateSync } from 'otplib';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { tokenIn, waitForMail } from '@weir/identity/modules/mail/test-outbox';
import { newUuid } from '@weir/kernel/ids';
import { insertRow } from '@weir/testkit/postgres-tenant';
import { createCookieBrowser, type CookieBrowser } from './src/cookie-browser.ts';
import { sendGraphql, signIn, type Session } from './src/graphql.ts';
import { startOpenIdProvider, type OpenIdProvider } from './src/openid-provider.ts';
import { startPlatform, type Platform } from './src/platform.ts';

let platform: Platform;
let provider: OpenIdProvider;
let other: OpenIdProvider;
let owner: Session;
/** Where browsers reach the platform. */
let origin: string;
let graphqlUrl: string;
let option: { readonly id: string; readonly loginUrl: string };
let otherOption: { readonly id: string; readonly loginUrl: string };

const CREATE = `mutation ($input: OidcProviderCreateInput!) {
  oidcProviderCreate(input: $input) { provider { id loginUrl redirectUri defaultRole { name } } userErrors { code } }
}`;

interface Created {
  readonly oidcProviderCreate: {
    readonly provider: { readonly id: string; readonly loginUrl: string } | null;
    readonly userErrors: readonly { readonly code: string }[];
  };
}

async function addProvider(
  of: OpenIdProvider,
  change: object = {},
  as: Session = owner,
): Promise<Created['oidcProviderCreate']> {
  const input = {
    organizationId: platform.access.organizationId,
    name: 'Company',
    issuer: of.issuer,
    clientId: of.clientId,
    clientSecret: of.clientSecret,
    emailDomains: ['corp.example', platform.access.email.split('@')[1] ?? ''],
    createsPeople: true,
    defaultRoleId: 'rol_developer',
    ...change,
  };
  return (await as.ask<Created>(CREATE, { input })).oidcProviderCreate;
}

beforeAll(async () => {
  platform = await startPlatform('embedded');
  const url = new URL(platform.access.graphqlUrl);
  url.hostname = 'localhost';
  ({ origin } = url);
  graphqlUrl = url.href;
  owner = await signIn(platform.access);
  provider = await startOpenIdProvider(person('ada'));
  other = await startOpenIdProvider(person('mallory'));
  const [created, second] = [await addProvider(provider), await addProvider(other, { name: 'Other' })];
  if (!created.provider || !second.provider) throw new Error(JSON.stringify([created, second]));
  [option, otherOption] = [created.provider, second.provider];
});

afterAll(async () => {
  await Promise.all([provider.stop(), other.stop()]);
  await platform[Symbol.asyncDispose]();
});

/** Past the services, as the owner of the tables. */
async function inDatabase(work: (client: pg.Client) => Promise<unknown>): Promise<void> {
  const client = new pg.Client({ connectionString: platform.databaseUrl });
  await client.connect();
  await work(client).finally(() => client.end());
}

function person(name: string, change: object = {}) {
  return { sub: `sub-of-${name}`, email: `${name}@corp.example`, email_verified: true, name, ...change };
}

const loginUrl = (returnTo = '/home', of = option): string =>
  `${of.loginUrl}?return_to=${encodeURIComponent(returnTo)}`;
const callbackOf = (of = option): string => `${origin}/auth/oidc/${of.id}/callback`;

/** Leaves, signs in at the provider, and stops before coming back. */
const upToCallback = (browser: CookieBrowser, of = option): Promise<string> =>
  browser.follow(loginUrl('/home', of), callbackOf(of));

/** The whole way; where the browser ends. */
async function signInAs(
  account: OpenIdProvider['account'],
  browser = createCookieBrowser(),
): Promise<string> {
  provider.account = account;
  return browser.follow(await upToCallback(browser), `${origin}/home`);
}

const VIEWER = `{ viewer {
  user { id email displayName } memberships { organization { id } role { name } } secondFactors { methods }
} }`;

interface Viewer {
  readonly viewer: { readonly user: { readonly id: string; readonly email: string } } | null;
}

describe('signing in through an OpenID provider', () => {
  it('creates a person with the role of new people, and knows them again', async () => {
    const browser = createCookieBrowser();
    expect(await signInAs(person('ada'), browser)).toBe(`${origin}/home`);
    const first = await browser.graphql<Viewer>(graphqlUrl, VIEWER);
    expect(first.viewer).toMatchObject({
      user: { email: 'ada@corp.example', displayName: 'ada' },
      memberships: [{ organization: { id: platform.access.organizationId } }],
    });
    const again = createCookieBrowser();
    // The provider's subject says who it is, whatever becomes of the address.
    await signInAs(person('ada', { email: 'ada.lovelace@corp.example' }), again);
    expect((await again.graphql<Viewer>(graphqlUrl, VIEWER)).viewer?.user).toEqual(first.viewer?.user);
    expect(browser.cookie('weir-oidc')).toBeUndefined();
  });

  it.each([
    [
      'an address that the provider has not verified',
      person('eve', { email_verified: false }),
      'EMAIL_NOT_VERIFIED',
    ],
    [
      'a domain that it does not speak for',
      person('bob', { email: 'bob@elsewhere.example' }),
      'DOMAIN_NOT_ALLOWED',
    ],
  ])('refuses %s', async (_, account, code) => {
    const browser = createCookieBrowser();
    expect(await signInAs(account, browser)).toBe(`${origin}/home#error=${code}`);
    expect(browser.cookie('weir-access')).toBeUndefined();
  });

  it('never opens an account with a password by its address alone, until its person links it', async () => {
    const { email, password } = platform.access;
    const account = person('owner', { email });
    const refused = await signInAs(account);
    expect(refused).toMatch(/#link=[\w-]+$/);
    const ticket = refused.split('#link=')[1] ?? '';
    const link = (session: Session, input: object) =>
      session.ask<{ oidcIdentityLink: object }>(
        `mutation ($input: OidcIdentityLinkInput!) {
          oidcIdentityLink(input: $input) { providerName userErrors { code } }
        }`,
        { input },
      );
    expect(await link(owner, { ticket })).toMatchObject({
      oidcIdentityLink: { userErrors: [{ code: 'PROOF_REQUIRED' }] },
    });
    expect(await link(owner, { ticket: `${ticket}x`, password })).toMatchObject({
      oidcIdentityLink: { userErrors: [{ code: 'INVALID_TICKET' }] },
    });
    expect(await link(owner, { ticket, password })).toMatchObject({
      oidcIdentityLink: { providerName: 'Company', userErrors: [] },
    });
    expect(await link(owner, { ticket, password })).toMatchObject({
      oidcIdentityLink: { userErrors: [{ code: 'INVALID_TICKET' }] },
    });
    expect(await signInAs(account)).toBe(`${origin}/home`);
  });

  it('does not let an organization’s provider speak for people of another organization', async () => {
    const [userId, organizationId] = [newUuid(), newUuid()];
    await inDatabase(async (client) => {
      await insertRow(client, 'identity.organizations', { id: organizationId, slug: 'elsewhere', name: 'Elsewhere' }); // prettier-ignore
      await insertRow(client, 'identity.users', {
        id: userId,
        email: 'carol@corp.example',
        display_name: 'Carol',
      });
      await insertRow(client, 'identity.memberships', { id: newUuid(), organization_id: organizationId, user_id: userId, role: 'OWNER' }); // prettier-ignore
    });
    expect(await signInAs(person('carol'))).toBe(`${origin}/home#error=NOT_ADMITTED`);
  });

  it('accepts an invitation for the address that the provider has verified, and for no other', async () => {
    const strict = await addProvider(other, { name: 'Strict', createsPeople: false, defaultRoleId: null });
    if (!strict.provider) throw new Error(JSON.stringify(strict));
    const { loginUrl: login, id } = strict.provider;
    await owner.ask(
      `mutation ($input: MemberInviteInput!) { memberInvite(input: $input) { userErrors { code message } } }`,
      {
        input: {
          organizationId: platform.access.organizationId,
          email: 'ivy@corp.example',
          roleId: 'rol_analyst',
        },
      },
    );
    const token = tokenIn(await waitForMail(join(platform.home, 'outbox'), 'ivy@corp.example'));
    const arrive = async (account: OpenIdProvider['account'], invitation: string) => {
      other.account = account;
      const browser = createCookieBrowser();
      const url = `${login}?return_to=/home${invitation}`;
      const callback = await browser.follow(url, `${origin}/auth/oidc/${id}/callback`);
      return { end: await browser.follow(callback, `${origin}/home`), browser };
    };
    const invited = `&invitation=${encodeURIComponent(token)}`;
    expect((await arrive(person('ivy'), '')).end).toBe(`${origin}/home#error=NOT_INVITED`);
    expect((await arrive(person('jack'), invited)).end).toBe(`${origin}/home#error=NOT_ADMITTED`);
    const { end, browser } = await arrive(person('ivy'), invited);
    expect(end).toBe(`${origin}/home`);
    expect((await browser.graphql<Viewer>(graphqlUrl, VIEWER)).viewer).toMatchObject({
      user: { email: 'ivy@corp.example' },
      memberships: [{ role: { name: 'Analyst' } }],
    });
  });

  it('asks for the second factor that the person enrolled here', async () => {
    const browser = createCookieBrowser();
    await signInAs(person('grace'), browser);
    const enrolled = await browser.graphql<{ totpEnroll: { enrollment: { secret: string } } }>(
      graphqlUrl,
      'mutation { totpEnroll { enrollment { secret } } }',
    );
    const { secret } = enrolled.totpEnroll.enrollment;
    await browser.graphql(
      graphqlUrl,
      'mutation ($code: String!) { totpConfirm(input: { code: $code }) { userErrors { code } } }',
      { code: generateSync({ secret }) },
    );

    const again = createCookieBrowser();
    const ticket = (await signInAs(person('grace'), again)).split('#second_factor=')[1];
    expect(again.cookie('weir-access')).toBeUndefined();
    const proceed = (otp?: string) =>
      again.graphql<{ signInContinue: object }>(
        graphqlUrl,
        `mutation ($input: SignInContinueInput!) {
          signInContinue(input: $input) { accessToken viewer { user { email } } secondFactors userErrors { code } }
        }`,
        { input: { ticket, otp } },
      );
    expect(await proceed()).toMatchObject({
      signInContinue: { secondFactors: ['TOTP', 'RECOVERY_CODE'], userErrors: [{ code: 'MFA_REQUIRED' }] },
    });
    expect(await proceed('000000')).toMatchObject({
      signInContinue: { userErrors: [{ code: 'INVALID_OTP' }] },
    });
    // Of the step after the one that was confirmed: each is taken once, and a clock may be a step ahead.
    const next = () => generateSync({ secret, epoch: Math.floor(Date.now() / 1_000) + 30 });
    expect(await proceed(next())).toMatchObject({
      signInContinue: { viewer: { user: { email: 'grace@corp.example' } }, userErrors: [] },
    });
    // As if the code were of a step that was never used: the ticket is used up all the same.
    await inDatabase((client) => client.query('update identity.totp_factors set last_step = 0'));
    expect(await proceed(next())).toMatchObject({
      signInContinue: { userErrors: [{ code: 'INVALID_TICKET' }] },
    });
  });
});

describe('an attack on the way through the provider', () => {
  const refusedBody = /"code":"INVALID_REQUEST"/;

  it('by a link that would end at a stranger’s page is refused', async () => {
    for (const target of [
      'https://evil.example/',
      '//evil.example',
      '/\\evil.example',
      'javascript:alert(1)',
    ]) {
      const { status, location, body } = await createCookieBrowser().visit(loginUrl(target));
      expect({ target, status, location }).toEqual({ target, status: 400, location: '' });
      expect(body).toMatch(refusedBody);
    }
  });

  it('with another state, without the cookie, or with a cookie that was altered, signs nobody in', async () => {
    const victim = createCookieBrowser();
    provider.account = person('ada');
    const callback = await upToCallback(victim);
    const tampered = new URL(callback);
    tampered.searchParams.set('state', 'another-state');
    const without = await createCookieBrowser().visit(callback);
    const wrong = await victim.visit(tampered.href);
    const altered = createCookieBrowser();
    const own = await upToCallback(altered);
    altered.setCookie('weir-oidc', `${altered.cookie('weir-oidc') ?? ''}A`);
    for (const answer of [without, wrong, await altered.visit(own)]) {
      expect(answer.status).toBe(400);
      expect(answer.body).toMatch(refusedBody);
    }
    expect(victim.cookie('weir-access')).toBeUndefined();
  });

  it('by a code of somebody else’s sign-in fails, as the code is bound to the browser that began', async () => {
    const [victim, attacker] = [createCookieBrowser(), createCookieBrowser()];
    provider.account = person('ada');
    const attackersCode = new URL(await upToCallback(attacker)).searchParams.get('code') ?? '';
    const callback = new URL(await upToCallback(victim));
    callback.searchParams.set('code', attackersCode);
    expect((await victim.visit(callback.href)).location).toBe(`${origin}/home#error=PROVIDER_FAILED`);
    expect(victim.cookie('weir-access')).toBeUndefined();
  });

  it('by an ID token with another nonce fails', async () => {
    const browser = createCookieBrowser();
    provider.account = person('ada');
    const begun = new URL((await browser.visit(loginUrl())).location);
    begun.searchParams.set('nonce', 'a-nonce-of-the-attacker');
    const callback = await browser.follow(begun.href, callbackOf());
    expect((await browser.visit(callback)).location).toBe(`${origin}/home#error=PROVIDER_FAILED`);
  });

  it('by coming back a second time, with the same code or the same cookie, is refused', async () => {
    const browser = createCookieBrowser();
    provider.account = person('ada');
    const callback = await upToCallback(browser);
    const cookie = browser.cookie('weir-oidc') ?? '';
    const answers = await Promise.all([browser.visit(callback), browser.visit(callback)]);
    expect(answers.map(({ status }) => status).toSorted()).toEqual([303, 400]);
    const replayed = createCookieBrowser();
    await upToCallback(replayed);
    replayed.setCookie('weir-oidc', cookie);
    expect((await replayed.visit(callback)).status).toBe(400);
  });

  it('by mixing two providers up is refused: a state belongs to one, and an answer names its issuer', async () => {
    const browser = createCookieBrowser();
    provider.account = person('ada');
    const callback = new URL(await upToCallback(browser));
    const elsewhere = `${callbackOf(otherOption)}${callback.search}`;
    expect((await browser.visit(elsewhere)).status).toBe(400);
    const fresh = createCookieBrowser();
    const named = new URL(await upToCallback(fresh));
    expect(named.searchParams.get('iss')).toBe(provider.issuer);
    named.searchParams.set('iss', other.issuer);
    expect((await fresh.visit(named.href)).location).toBe(`${origin}/home#error=PROVIDER_FAILED`);
  });

  it('by an issuer that claims to be another, or leads into the operator’s network, cannot be set up', async () => {
    const server = createServer((_, response) => {
      response.setHeader('content-type', 'application/json');
      response.end(
        JSON.stringify({
          issuer: provider.issuer,
          authorization_endpoint: `${provider.issuer}/auth`,
          token_endpoint: `${provider.issuer}/token`,
          jwks_uri: `${provider.issuer}/jwks`,
        }),
      );
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const foreign = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    expect(await addProvider(provider, { issuer: foreign })).toMatchObject({
      provider: null,
      userErrors: [{ code: 'ISSUER_UNREACHABLE' }],
    });
    server.close();
    for (const issuer of ['http://169.254.169.254/', 'https://10.0.0.1/', 'http://example.com/']) {
      expect(await addProvider(provider, { issuer })).toMatchObject({
        userErrors: [{ code: 'INVALID_ISSUER' }],
      });
    }
  });

  it('by a role of Owner for new people cannot be set up', async () => {
    expect(await addProvider(provider, { defaultRoleId: 'rol_owner' })).toMatchObject({
      userErrors: [{ code: 'INVALID_ROLE' }],
    });
  });
});

describe('a provider of the platform', () => {
  const OF_PLATFORM = { organizationId: null, name: 'Platform', emailDomains: [], defaultRoleId: null };
  let operator: Session;

  it('is set up by those who operate the platform alone, and gives no role in an organization', async () => {
    await expect(addProvider(other, OF_PLATFORM)).rejects.toThrow('FORBIDDEN');
    await inDatabase((client) =>
      client.query(`update identity.users set platform_role = 'SYSTEM_ADMIN' where email = $1`, [
        platform.access.email,
      ]),
    );
    operator = await signIn(platform.access);
    expect(
      await addProvider(other, { ...OF_PLATFORM, defaultRoleId: 'rol_developer' }, operator),
    ).toMatchObject({
      provider: null,
      userErrors: [{ code: 'INVALID_ROLE' }],
    });
  });

  it('is shown to everybody, signs people of any domain and organization in, and makes nobody a member', async () => {
    const { provider: shared } = await addProvider(other, OF_PLATFORM, operator);
    if (!shared) throw new Error('it was not created');
    const { data } = await sendGraphql(graphqlUrl, '{ oidcProviders { name loginUrl } }');
    expect(data).toEqual({ oidcProviders: [{ name: 'Platform', loginUrl: shared.loginUrl }] });

    const arrive = async (account: OpenIdProvider['account']) => {
      other.account = account;
      const browser = createCookieBrowser();
      return { end: await browser.follow(await upToCallback(browser, shared), `${origin}/home`), browser };
    };
    const zoe = await arrive(person('zoe', { email: 'zoe@anywhere.example' }));
    expect(zoe.end).toBe(`${origin}/home`);
    expect((await zoe.browser.graphql<Viewer>(graphqlUrl, VIEWER)).viewer).toMatchObject({
      user: { email: 'zoe@anywhere.example' },
      memberships: [],
    });
    const [userId, organizationId] = [newUuid(), newUuid()];
    await inDatabase(async (client) => {
      await insertRow(client, 'identity.organizations', {
        id: organizationId,
        slug: 'far-away',
        name: 'Far away',
      });
      await insertRow(client, 'identity.users', {
        id: userId,
        email: 'dave@far.example',
        display_name: 'Dave',
      });
      await insertRow(client, 'identity.memberships', { id: newUuid(), organization_id: organizationId, user_id: userId, role: 'ANALYST' }); // prettier-ignore
    });
    const dave = await arrive(person('dave', { email: 'dave@far.example' }));
    expect(dave.end).toBe(`${origin}/home`);
    expect((await dave.browser.graphql<Viewer>(graphqlUrl, VIEWER)).viewer).toMatchObject({
      user: { email: 'dave@far.example' },
      memberships: [{ role: { name: 'Analyst' } }],
    });
    const unverified = await arrive(person('yan', { email: 'yan@far.example', email_verified: false }));
    expect(unverified.end).toBe(`${origin}/home#error=EMAIL_NOT_VERIFIED`);
  });
});
