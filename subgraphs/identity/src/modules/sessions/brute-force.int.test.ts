import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encodeId, newUuid } from '@weir/kernel/ids';
import { startTestIdentity, type TestIdentity } from '../../test-identity.ts';
import { LOCKOUT } from './lockout.ts';

let identity: TestIdentity;
beforeAll(async () => {
  identity = await startTestIdentity();
});
afterAll(() => identity.stop());

const SIGN_IN = 'mutation ($input: SignInInput!) { signIn(input: $input) { userErrors { code } } }';
const CONTINUE =
  'mutation ($input: SignInContinueInput!) { signInContinue(input: $input) { userErrors { code } } }';
const PASSKEY =
  'mutation ($input: PasskeyAssertionInput!) { passkeySignIn(input: $input) { userErrors { code } } }';
const REFRESH =
  'mutation ($input: SessionRefreshInput!) { sessionRefresh(input: $input) { userErrors { code } } }';

async function ask(
  query: string,
  input: object,
  ipAddress: string,
): Promise<{ code: string; retryAfterMs: unknown }> {
  const { data, errors } = await identity.graphql(query, { input }, undefined, {
    ipAddress,
    userAgent: 'test',
  });
  const [error] = errors ?? [];
  if (error) {
    const { code, retryAfterMs } = error.extensions as { code: string; retryAfterMs?: number };
    return { code, retryAfterMs };
  }
  const [payload] = Object.values(data ?? {}) as { userErrors: { code: string }[] }[];
  return { code: payload?.userErrors[0]?.code ?? 'OK', retryAfterMs: undefined };
}

async function ticketGuess(ipAddress: string): Promise<string> {
  const ticket = randomBytes(64).toString('base64url');
  return (await ask(CONTINUE, { ticket, otp: '000000' }, ipAddress)).code;
}

async function passkeyGuess(ipAddress: string): Promise<string> {
  const id = randomBytes(16).toString('base64url');
  const response = { clientDataJSON: 'e30', authenticatorData: 'AAAA', signature: 'AAAA' };
  const credential = { id, rawId: id, type: 'public-key', clientExtensionResults: {}, response };
  return (await ask(PASSKEY, { challengeToken: 'guess', credential }, ipAddress)).code;
}

async function oidcGuess(ipAddress: string): Promise<string> {
  const answer = await identity.completeOidc({
    providerId: encodeId('oidcProvider', newUuid()),
    state: randomBytes(64).toString('base64url'),
    query: 'state=guess&code=guess',
    ipAddress,
    userAgent: 'test',
  });
  return ((await answer.json()) as { code: string }).code;
}

describe('guesses', () => {
  it('at one address from a thousand networks end with its lockout', async () => {
    const { email } = await identity.organization();
    const codes: string[] = [];
    for (let n = 0; n < LOCKOUT.failuresMax + 3; n++) {
      codes.push((await ask(SIGN_IN, { email, password: `guess ${n}` }, `10.8.0.${n}`)).code);
    }
    expect(codes).toEqual([
      ...Array.from({ length: LOCKOUT.failuresMax }, () => 'INVALID_CREDENTIALS'),
      ...['LOCKED', 'LOCKED', 'LOCKED'],
    ]);
  });

  it('at refresh tokens from one network are told when to come back, its neighbours are not', async () => {
    const guess = (n: number) => {
      const refreshToken = `wrt_${randomBytes(64).toString('base64url')}`;
      return ask(REFRESH, { refreshToken }, `2001:db8:1:1::${n}`);
    };
    for (let n = 1; n <= 100; n++) expect((await guess(n)).code).toBe('INVALID_REFRESH_TOKEN');
    const last = await guess(101);
    expect(last.code).toBe('RATE_LIMITED');
    expect(Number(last.retryAfterMs)).toBeGreaterThan(0);
    const right = await identity.organization();
    const signIn = { email: right.email, password: right.password };
    expect((await ask(SIGN_IN, signIn, '2001:db8:1:1::5')).code).toBe('RATE_LIMITED');
    expect((await ask(SIGN_IN, signIn, '2001:db8:1:2::5')).code).toBe('OK');
    identity.advance(15 * 60_000);
    expect((await ask(SIGN_IN, signIn, '2001:db8:1:1::5')).code).toBe('OK');
  });

  it.each([
    ['tickets', 1, 'INVALID_TICKET', ticketGuess],
    ['passkeys', 2, 'INVALID_PASSKEY', passkeyGuess],
    ['returns from an OpenID provider', 3, 'INVALID_REQUEST', oidcGuess],
  ] as const)('at %s from one network close it for passwords, too', async (_, network, wrong, guess) => {
    const ipAddress = `2001:db8:2:${network}::5`;
    for (let n = 1; n <= 100; n++) expect(await guess(ipAddress)).toBe(wrong);
    expect(await guess(ipAddress)).toBe('RATE_LIMITED');
    const right = await identity.organization();
    const signIn = { email: right.email, password: right.password };
    expect((await ask(SIGN_IN, signIn, ipAddress)).code).toBe('RATE_LIMITED');
    expect(await guess(`2001:db8:3:${network}::5`)).toBe(wrong);
  });
});
