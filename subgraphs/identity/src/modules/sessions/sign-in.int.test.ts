import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestIdentity, type TestIdentity } from '../../test-identity.ts';
import { LOCKOUT } from './lockout.ts';

let identity: TestIdentity;

beforeAll(async () => {
  identity = await startTestIdentity();
});
afterAll(() => identity.stop());

const SIGN_IN = `mutation ($input: SignInInput!) {
  signIn(input: $input) {
    accessToken refreshToken expiresAt
    viewer { user { email } organization { id name } memberships { role { id } } permissions }
    userErrors { code message field }
  }
}`;

interface SignIn {
  readonly accessToken: string | null;
  readonly refreshToken: string | null;
  readonly expiresAt: string | null;
  readonly viewer: object | null;
  readonly userErrors: readonly { readonly code: string; readonly message: string }[];
}

async function signIn(email: string, password: string): Promise<SignIn> {
  const answer = await identity.graphql(SIGN_IN, { input: { email, password } });
  expect(answer.errors).toBeUndefined();
  return answer.data?.['signIn'] as SignIn;
}

const codesOf = ({ userErrors }: SignIn): string[] => userErrors.map((error) => error.code);

describe('signIn', () => {
  it('gives tokens and the viewer, whatever the case of the address', async () => {
    const organization = await identity.organization();
    const result = await signIn(organization.email.toUpperCase(), organization.password);
    expect(result).toMatchObject({
      refreshToken: expect.stringMatching(/^wrt_/) as string,
      expiresAt: expect.stringMatching(/Z$/) as string,
      viewer: {
        user: { email: organization.email },
        organization: { id: organization.id },
        memberships: [{ role: { id: 'rol_owner' } }],
      },
      userErrors: [],
    });
    const who = await identity.whoIs({ accessToken: result.accessToken ?? '' });
    expect(who).toMatchObject({
      actor: { type: 'user', userId: organization.userId },
      organizationId: organization.organizationId,
    });
    expect(who.permissions).toContain('org.delete');
  });

  it('answers a wrong password and an address that nobody has in the same words', async () => {
    const { email } = await identity.organization();
    const wrong = await signIn(email, 'not the password');
    const unknown = await signIn('nobody@example.org', 'not the password');
    expect(codesOf(wrong)).toEqual(['INVALID_CREDENTIALS']);
    expect(unknown).toEqual(wrong);
    expect(wrong).toMatchObject({ accessToken: null, refreshToken: null, expiresAt: null, viewer: null });
  });

  it.each(['', 'no address', 'a\u0000b@example.org', 'x'.repeat(10_000)])(
    'refuses %j as an address like any other',
    async (email) => {
      expect(codesOf(await signIn(email, 'x'))).toEqual(['INVALID_CREDENTIALS']);
    },
  );

  it('locks an address after five failures for fifteen minutes, even for the right password', async () => {
    const { email, password } = await identity.organization();
    for (let attempt = 1; attempt <= LOCKOUT.failuresMax; attempt++) {
      expect(codesOf(await signIn(email, 'wrong'))).toEqual(['INVALID_CREDENTIALS']);
    }
    expect(codesOf(await signIn(email, password))).toEqual(['LOCKED']);
    identity.advance(LOCKOUT.lockMs);
    expect(codesOf(await signIn(email, password))).toEqual([]);
  });

  it('locks an address that nobody has just the same', async () => {
    for (let attempt = 1; attempt <= LOCKOUT.failuresMax; attempt++)
      await signIn('ghost@example.org', 'wrong');
    expect(codesOf(await signIn('ghost@example.org', 'wrong'))).toEqual(['LOCKED']);
  });

  it('counts guesses that are made at the same time', async () => {
    const { email, password } = await identity.organization();
    const guesses = await Promise.all(
      Array.from({ length: 10 }, (_, guess) => signIn(email, `guess ${guess}`)),
    );
    const tried = guesses.filter((guess) => codesOf(guess)[0] === 'INVALID_CREDENTIALS');
    expect(tried).toHaveLength(LOCKOUT.failuresMax);
    expect(codesOf(await signIn(email, password))).toEqual(['LOCKED']);
  });

  it('forgets failures once the right password was given', async () => {
    const { email, password } = await identity.organization();
    for (let round = 1; round <= 2; round++) {
      for (let attempt = 1; attempt < LOCKOUT.failuresMax; attempt++) await signIn(email, 'wrong');
      expect(codesOf(await signIn(email, password))).toEqual([]);
    }
  });
});
