import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CDPSession, Page } from 'playwright-core';
import { startBrowser, type TestBrowser } from './src/browser.ts';
import { startPlatform, type Platform } from './src/platform.ts';

let platform: Platform;
let started: TestBrowser;
let page: Page;
let devtools: CDPSession;
let authenticatorId: string;

/** The functions that a portal's page would have; they run in the browser. */
const PAGE_SCRIPT = `
  globalThis.ask = async (query, variables, accessToken) => {
    const headers = { 'content-type': 'application/json' };
    if (accessToken) headers.authorization = 'Bearer ' + accessToken;
    const answer = await fetch('/graphql', { method: 'POST', headers, body: JSON.stringify({ query, variables }) });
    const { data, errors } = await answer.json();
    if (errors) throw new Error(JSON.stringify(errors));
    return Object.values(data)[0];
  };
  globalThis.register = async (accessToken, name) => {
    const begun = await ask('mutation { passkeyRegistrationBegin { challengeToken options userErrors { code } } }', {}, accessToken);
    if (begun.userErrors.length > 0) return begun;
    const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(begun.options);
    const credential = (await navigator.credentials.create({ publicKey })).toJSON();
    const input = { challengeToken: begun.challengeToken, credential, name };
    return ask('mutation ($input: PasskeyRegisterInput!) { passkeyRegister(input: $input) { passkey { id name isBackedUp } recoveryCodes userErrors { code } } }', { input }, accessToken);
  };
  globalThis.answer = async ({ challengeToken, options }) => {
    const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(options);
    const credential = (await navigator.credentials.get({ publicKey })).toJSON();
    return { challengeToken, credential };
  };
  globalThis.signInAlone = async () => {
    const { challenge } = await ask('mutation { passkeySignInBegin { challenge { challengeToken options } } }');
    const input = await answer(challenge);
    const send = () => ask('mutation ($input: PasskeyAssertionInput!) { passkeySignIn(input: $input) { accessToken viewer { user { email } } userErrors { code } } }', { input });
    return [await send(), await send()];
  };
  globalThis.signInWithPassword = async (email, password) => {
    const send = (input) => ask('mutation ($input: SignInInput!) { signIn(input: $input) { accessToken secondFactors passkeyChallenge { challengeToken options } userErrors { code } } }', { input });
    const asked = await send({ email, password });
    if (!asked.passkeyChallenge) return [asked];
    return [asked, await send({ email, password, passkey: await answer(asked.passkeyChallenge) })];
  };
`;

/** Calls a function of the page. */
async function call<T>(name: string, ...args: unknown[]): Promise<T> {
  const expression = `globalThis[${JSON.stringify(name)}](...${JSON.stringify(args)})`;
  return page.evaluate<T>(expression);
}

async function open(target: Platform, host: string): Promise<void> {
  const url = new URL(target.access.graphqlUrl);
  url.hostname = host;
  await page.goto(url.href);
  await page.addScriptTag({ content: PAGE_SCRIPT });
}

beforeAll(async () => {
  platform = await startPlatform('embedded');
  started = await startBrowser();
  page = await (await started.browser.newContext({ bypassCSP: true })).newPage();
  devtools = await page.context().newCDPSession(page);
  await devtools.send('WebAuthn.enable');
  const options = {
    protocol: 'ctap2',
    transport: 'internal',
    hasResidentKey: true,
    hasUserVerification: true,
    isUserVerified: true,
    automaticPresenceSimulation: true,
  } as const;
  ({ authenticatorId } = await devtools.send('WebAuthn.addVirtualAuthenticator', { options }));
});

afterAll(async () => {
  await started[Symbol.asyncDispose]();
  await platform[Symbol.asyncDispose]();
});

interface SignInAnswer {
  readonly accessToken: string | null;
  readonly secondFactors?: readonly string[];
  readonly viewer?: { readonly user: { readonly email: string } } | null;
  readonly userErrors: readonly { readonly code: string }[];
}

describe('a passkey in a browser', () => {
  it('is made, signs its person in alone and beside the password, and not a second time', async () => {
    await open(platform, 'localhost');
    const { email, password } = platform.access;
    const [first] = await call<SignInAnswer[]>('signInWithPassword', email, password);
    const made = await call('register', first?.accessToken, 'This browser');
    expect(made).toMatchObject({ passkey: { name: 'This browser' }, userErrors: [] });

    const [alone, replayed] = await call<SignInAnswer[]>('signInAlone');
    expect(alone).toMatchObject({ viewer: { user: { email } }, userErrors: [] });
    expect(replayed).toMatchObject({ accessToken: null, userErrors: [{ code: 'INVALID_PASSKEY' }] });

    const [asked, completed] = await call<SignInAnswer[]>('signInWithPassword', email, password);
    expect(asked).toMatchObject({ accessToken: null, userErrors: [{ code: 'MFA_REQUIRED' }] });
    expect(asked?.secondFactors).toEqual(['PASSKEY', 'RECOVERY_CODE']);
    expect(completed).toMatchObject({ accessToken: expect.any(String) as string, userErrors: [] });
  });

  it('signs nobody in whom the device has not verified', async () => {
    await open(platform, 'localhost');
    await devtools.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified: false });
    await expect(call('signInAlone')).rejects.toThrow(/NotAllowedError/);
    await devtools.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified: true });
  });

  it('is not offered by the browser to another origin', async () => {
    await open(platform, '127.0.0.1');
    await expect(call('signInAlone')).rejects.toThrow(/SecurityError/);
  });
});
