import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestIdentity, type TestIdentity } from '../../test-identity.ts';
import { LOCKOUT } from '../sessions/lockout.ts';
import { codeAt, confirm, enroll, enrolledPerson, signIn, type SignInAnswer } from './test-factors.ts';

let identity: TestIdentity;

beforeAll(async () => {
  identity = await startTestIdentity();
});
afterAll(() => identity.stop());

const codesOf = ({ userErrors }: { readonly userErrors: readonly { code: string }[] }): string[] =>
  userErrors.map((error) => error.code);
const wrongCode = (secret: string): string => {
  const near = [-1, 0, 1].map((step) => codeAt(secret, identity.now() + step * 30_000));
  return ['000000', '111111', '222222', '333333'].find((code) => !near.includes(code)) ?? '';
};
const both = ['TOTP', 'RECOVERY_CODE'];

const told = (email: string) => expect.poll(() => identity.mailTo(email));

describe('enrolling an authenticator app', () => {
  it('asks for nothing until a code has been shown', async () => {
    const organization = await identity.organization();
    const as = await identity.ownerOf(organization);
    const first = await enroll(identity, as);
    const second = await enroll(identity, as);
    expect(codesOf(await signIn(identity, organization))).toEqual([]);
    const stale = await confirm(identity, as, codeAt(first.secret, identity.now()));
    expect(codesOf(stale)).toEqual(['INVALID_CODE']);
    expect(codesOf(await signIn(identity, organization))).toEqual([]);

    const confirmed = await confirm(identity, as, codeAt(second.secret, identity.now()));
    expect(confirmed).toMatchObject({
      viewer: { secondFactors: { methods: both, recoveryCodesLeft: 10 } },
      userErrors: [],
    });
    expect(confirmed.recoveryCodes).toHaveLength(10);
    await told(organization.email).toContain('An authenticator app was enrolled.');
    const answer = await signIn(identity, organization);
    expect(answer).toEqual({
      accessToken: null,
      viewer: null,
      secondFactors: both,
      userErrors: [{ code: 'MFA_REQUIRED' }],
    });
  });

  it('cannot replace an enrolled one', async () => {
    const { as, secret } = await enrolledPerson(identity);
    const again = await identity.graphql(
      'mutation { totpEnroll { enrollment { secret } userErrors { code } } }',
      {},
      as,
    );
    expect(again.data).toEqual({
      totpEnroll: { enrollment: null, userErrors: [{ code: 'ALREADY_ENROLLED' }] },
    });
    identity.advance(30_000);
    expect(codesOf(await confirm(identity, as, codeAt(secret, identity.now())))).toEqual([
      'ALREADY_ENROLLED',
    ]);
  });

  it('is for people who have signed in', async () => {
    const anonymous = await identity.graphql('mutation { totpEnroll { userErrors { code } } }');
    expect(anonymous.errors?.[0]?.extensions.code).toBe('UNAUTHENTICATED');
  });

  it('keeps neither the secret nor a recovery code as it is', async () => {
    const { secret, recoveryCodes } = await enrolledPerson(identity);
    const client = new pg.Client({ connectionString: identity.databaseUrl });
    await client.connect();
    const { rows } = await client.query(`
      select row_to_json(t)::text as row from identity.totp_factors t
      union all select row_to_json(c)::text from identity.recovery_codes c`);
    await client.end();
    const everything = JSON.stringify(rows);
    expect(rows.length).toBeGreaterThan(10);
    expect(everything).not.toContain(secret);
    for (const code of recoveryCodes) expect(everything).not.toContain(code);
  });
});

describe('signIn with a second factor', () => {
  it('takes a code once, also for several at the same time, and no older one', async () => {
    const person = await enrolledPerson(identity);
    const code = person.nextCode();
    const attempts = await Promise.all(
      Array.from({ length: 3 }, () => signIn(identity, person.organization, code)),
    );
    expect(attempts.filter((attempt) => attempt.accessToken !== null)).toHaveLength(1);
    expect(attempts.flatMap(codesOf)).toEqual(['INVALID_OTP', 'INVALID_OTP']);
    const older = codeAt(person.secret, identity.now() - 30_000);
    expect(codesOf(await signIn(identity, person.organization, older))).toEqual(['INVALID_OTP']);
    expect(codesOf(await signIn(identity, person.organization, person.nextCode()))).toEqual([]);
  });

  it('does not take the code that enrolled the app', async () => {
    const person = await enrolledPerson(identity);
    const code = codeAt(person.secret, identity.now());
    expect(codesOf(await signIn(identity, person.organization, code))).toEqual(['INVALID_OTP']);
  });

  it('takes each recovery code once, also for several at the same time', async () => {
    const { organization, recoveryCodes } = await enrolledPerson(identity);
    const [first = '', second = ''] = recoveryCodes;
    const attempts = await Promise.all(
      Array.from({ length: 3 }, () => signIn(identity, organization, first)),
    );
    expect(attempts.filter((attempt) => attempt.accessToken !== null)).toHaveLength(1);
    expect(codesOf(await signIn(identity, organization, first))).toEqual(['INVALID_OTP']);
    const typed = second.toUpperCase().replaceAll('-', ' ');
    expect(codesOf(await signIn(identity, organization, typed))).toEqual([]);
  });

  it('does not take another person’s codes', async () => {
    const [one, other] = [await enrolledPerson(identity), await enrolledPerson(identity)];
    expect(codesOf(await signIn(identity, one.organization, other.nextCode()))).toEqual(['INVALID_OTP']);
    expect(codesOf(await signIn(identity, one.organization, other.recoveryCodes[0]))).toEqual([
      'INVALID_OTP',
    ]);
  });

  it('says nothing of second factors to who does not know the password', async () => {
    const { organization, recoveryCodes, nextCode } = await enrolledPerson(identity);
    const stranger = { email: 'nobody@example.org', password: 'wrong' };
    const unknown: SignInAnswer = await signIn(identity, stranger);
    for (const otp of [undefined, '000000', nextCode(), recoveryCodes[0]]) {
      expect(await signIn(identity, { ...organization, password: 'wrong' }, otp)).toEqual(unknown);
    }
    expect(unknown).toMatchObject({ secondFactors: [], userErrors: [{ code: 'INVALID_CREDENTIALS' }] });
  });

  it('locks the address after five wrong codes, which leaving the code out does not forgive', async () => {
    const person = await enrolledPerson(identity);
    for (let attempt = 1; attempt <= LOCKOUT.failuresMax; attempt++) {
      expect(codesOf(await signIn(identity, person.organization))).toEqual(['MFA_REQUIRED']);
      const guess = await signIn(identity, person.organization, wrongCode(person.secret));
      expect(codesOf(guess)).toEqual(['INVALID_OTP']);
    }
    expect(codesOf(await signIn(identity, person.organization, person.nextCode()))).toEqual(['LOCKED']);
    identity.advance(LOCKOUT.lockMs);
    expect(codesOf(await signIn(identity, person.organization, person.nextCode()))).toEqual([]);
  });

  it('lets nobody guess more than five codes of many at the same time', async () => {
    const person = await enrolledPerson(identity);
    const guesses = await Promise.all(
      Array.from({ length: 12 }, () => signIn(identity, person.organization, wrongCode(person.secret))),
    );
    expect(guesses.flatMap(codesOf).filter((code) => code === 'INVALID_OTP')).toHaveLength(
      LOCKOUT.failuresMax,
    );
  });
});

const DISABLE = `mutation ($input: TotpDisableInput!) {
  totpDisable(input: $input) { viewer { secondFactors { methods recoveryCodesLeft } } userErrors { code } }
}`;
const REGENERATE = `mutation ($input: RecoveryCodesRegenerateInput!) {
  recoveryCodesRegenerate(input: $input) { recoveryCodes userErrors { code } }
}`;

interface Outcome {
  readonly recoveryCodes?: readonly string[] | null;
  readonly userErrors: readonly { readonly code: string }[];
}

describe('changing second factors', () => {
  it.each(['a code', 'a recovery code', 'the password'])('can be disabled with %s', async (proof) => {
    const person = await enrolledPerson(identity);
    const input =
      proof === 'the password'
        ? { password: person.organization.password }
        : { code: proof === 'a code' ? person.nextCode() : person.recoveryCodes[3] };
    const answer = await identity.graphql(DISABLE, { input }, person.as);
    expect(answer.data).toEqual({
      totpDisable: { viewer: { secondFactors: { methods: [], recoveryCodesLeft: 0 } }, userErrors: [] },
    });
    expect(codesOf(await signIn(identity, person.organization))).toEqual([]);
    await told(person.organization.email).toContain('Your authenticator app was disabled.');
  });

  it('needs a proof, and wrong ones count towards the lockout of the address', async () => {
    const person = await enrolledPerson(identity);
    const disable = async (input: object): Promise<string[]> => {
      const answer = await identity.graphql(DISABLE, { input }, person.as);
      return codesOf(answer.data?.['totpDisable'] as Outcome);
    };
    expect(await disable({})).toEqual(['PROOF_REQUIRED']);
    expect(await disable({ code: wrongCode(person.secret) })).toEqual(['INVALID_CODE']);
    for (let attempt = 2; attempt <= LOCKOUT.failuresMax; attempt++) {
      expect(await disable({ password: 'wrong' })).toEqual(['INVALID_PASSWORD']);
    }
    expect(await disable({ code: person.nextCode() })).toEqual(['LOCKED']);
    expect(codesOf(await signIn(identity, person.organization, person.nextCode()))).toEqual(['LOCKED']);
  });

  it('makes recovery codes that replace the former ones', async () => {
    const person = await enrolledPerson(identity);
    const answer = await identity.graphql(REGENERATE, { input: { code: person.nextCode() } }, person.as);
    const { recoveryCodes } = answer.data?.['recoveryCodesRegenerate'] as Outcome;
    expect(recoveryCodes).toHaveLength(10);
    expect(codesOf(await signIn(identity, person.organization, person.recoveryCodes[0]))).toEqual([
      'INVALID_OTP',
    ]);
    expect(codesOf(await signIn(identity, person.organization, recoveryCodes?.[0]))).toEqual([]);
  });

  it('makes no recovery codes for who has enrolled nothing', async () => {
    const organization = await identity.organization();
    const as = await identity.ownerOf(organization);
    const answer = await identity.graphql(REGENERATE, { input: { password: organization.password } }, as);
    expect(answer.data).toEqual({
      recoveryCodesRegenerate: { recoveryCodes: null, userErrors: [{ code: 'NOT_ENROLLED' }] },
    });
  });
});
