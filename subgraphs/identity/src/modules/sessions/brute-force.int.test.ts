import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestIdentity, type TestIdentity } from '../../test-identity.ts';
import { LOCKOUT } from './lockout.ts';

let identity: TestIdentity;
beforeAll(async () => {
  identity = await startTestIdentity();
});
afterAll(() => identity.stop());

const SIGN_IN = 'mutation ($input: SignInInput!) { signIn(input: $input) { userErrors { code } } }';
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
});
