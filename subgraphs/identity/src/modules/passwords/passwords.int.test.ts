import { hash } from '@node-rs/argon2';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Authenticated } from '@weir/contracts/internal-identity';
import { startTestIdentity, type TestIdentity, type TestOrganization } from '../../test-identity.ts';
import { tokenIn } from '../mail/test-outbox.ts';
import { enrolledPerson } from '../second-factors/test-factors.ts';
import { LOCKOUT } from '../sessions/lockout.ts';

const NEW = 'three kingfishers at dusk';
const HOUR_MS = 60 * 60_000;

let identity: TestIdentity;
let client: pg.Client;
beforeAll(async () => {
  identity = await startTestIdentity();
  client = new pg.Client({ connectionString: identity.databaseUrl });
  await client.connect();
});
afterAll(async () => {
  await client.end();
  await identity.stop();
});

interface Payload {
  readonly accessToken?: string | null;
  readonly endedSessions?: number;
  readonly userErrors: readonly { readonly code: string }[];
}

async function call(mutation: string, input: object, as?: Authenticated): Promise<Payload> {
  const type = `${mutation.charAt(0).toUpperCase()}${mutation.slice(1)}Input!`;
  const members = mutation === 'signIn' ? 'accessToken' : mutation === 'passwordResetRequest' ? '' : 'endedSessions'; // prettier-ignore
  const answer = await identity.graphql(
    `mutation ($input: ${type}) { ${mutation}(input: $input) { ${members} userErrors { code } } }`,
    { input },
    as,
    // Each call from elsewhere, so that only the limits under test bind.
    {
      ipAddress: `10.${Math.ceil(Math.random() * 250)}.${Math.ceil(Math.random() * 250)}.1`,
      userAgent: 'test',
    },
  );
  const payload = answer.data?.[mutation];
  if (!payload) throw new Error(answer.errors?.[0]?.extensions.code);
  return payload as Payload;
}

const codesOf = ({ userErrors }: Payload): string[] => userErrors.map(({ code }) => code);
const signIn = (email: string, password: string) => call('signIn', { email, password });
const statusOf = async (accessToken: string | null | undefined): Promise<number> =>
  (await identity.authenticate({ accessToken: accessToken ?? '' })).status;

/** The newest mail to an address once it is one of that subject. */
async function mailAbout(email: string, subject: string): Promise<string> {
  await expect.poll(() => identity.mailTo(email)).toContain(`Subject: ${subject}`);
  return identity.mailTo(email);
}

async function resetToken(email: string): Promise<string> {
  expect(codesOf(await call('passwordResetRequest', { email }))).toEqual([]);
  return tokenIn(await mailAbout(email, 'Choose a new password'));
}

async function session(organization: TestOrganization): Promise<{ accessToken: string; who: Authenticated }> {
  const { accessToken = null } = await signIn(organization.email, organization.password);
  const who = await identity.whoIs({ accessToken: accessToken ?? '' });
  return { accessToken: accessToken ?? '', who };
}

describe('passwordChange', () => {
  it('replaces the password, ends the other sessions and tells by mail', async () => {
    const organization = await identity.organization();
    const [other, mine] = [await session(organization), await session(organization)];
    const input = { currentPassword: organization.password, newPassword: NEW };
    expect(await call('passwordChange', input, mine.who)).toEqual({ endedSessions: 1, userErrors: [] });
    expect([await statusOf(other.accessToken), await statusOf(mine.accessToken)]).toEqual([401, 200]);
    expect(codesOf(await signIn(organization.email, organization.password))).toEqual(['INVALID_CREDENTIALS']);
    expect(codesOf(await signIn(organization.email, NEW))).toEqual([]);
    await mailAbout(organization.email, 'Your password was changed');
  });

  it('needs the password until now, whose guesses count towards the lockout', async () => {
    const organization = await identity.organization();
    const { who } = await session(organization);
    expect(codesOf(await call('passwordChange', { newPassword: NEW }, who))).toEqual(['PROOF_REQUIRED']);
    for (let guess = 1; guess <= LOCKOUT.failuresMax; guess++) {
      const input = { currentPassword: `guess ${guess}`, newPassword: NEW };
      expect(codesOf(await call('passwordChange', input, who))).toEqual(['INVALID_PASSWORD']);
    }
    const input = { currentPassword: organization.password, newPassword: NEW };
    expect(codesOf(await call('passwordChange', input, who))).toEqual(['LOCKED']);
  });

  it('takes no weak one, by the strictest organization of the person', async () => {
    const organization = await identity.organization();
    const { who } = await session(organization);
    const change = async (newPassword: string) =>
      codesOf(await call('passwordChange', { currentPassword: organization.password, newPassword }, who));
    for (const weak of ['short', 'password1234567', organization.email, 'x'.repeat(2_000)]) {
      expect(await change(weak)).toEqual(['WEAK_PASSWORD']);
    }
    await client.query(`update identity.organizations set settings = '{"passwordPolicy": {"lengthMin": 40}}' where id = $1`, [organization.organizationId]); // prettier-ignore
    expect(await change(NEW)).toEqual(['WEAK_PASSWORD']);
    expect(await change(`${NEW} and an otter in the reeds`)).toEqual([]);
  });
});

describe('a password reset', () => {
  it('lets in with a new password, ends every session, and tells by mail', async () => {
    const organization = await identity.organization();
    const { accessToken } = await session(organization);
    const token = await resetToken(organization.email.toUpperCase().toLowerCase());
    expect(await call('passwordReset', { token, newPassword: NEW })).toEqual({
      endedSessions: 1,
      userErrors: [],
    });
    expect(await statusOf(accessToken)).toBe(401);
    expect(codesOf(await signIn(organization.email, organization.password))).toEqual(['INVALID_CREDENTIALS']);
    expect(codesOf(await signIn(organization.email, NEW))).toEqual([]);
    await mailAbout(organization.email, 'Your password was changed');
  });

  it('works once, also when it is sent many times at once', async () => {
    const { email } = await identity.organization();
    const token = await resetToken(email);
    const input = { token, newPassword: NEW };
    const answers = await Promise.all(Array.from({ length: 6 }, () => call('passwordReset', input)));
    expect(answers.filter((answer) => answer.userErrors.length === 0)).toHaveLength(1);
    expect(codesOf(await call('passwordReset', input))).toEqual(['INVALID_TOKEN']);
  });

  it('is over after 24 hours, and when another one was asked for', async () => {
    const { email } = await identity.organization();
    const first = await resetToken(email);
    await call('passwordResetRequest', { email });
    await expect.poll(async () => tokenIn(await identity.mailTo(email))).not.toBe(first);
    const second = tokenIn(await identity.mailTo(email));
    expect(codesOf(await call('passwordReset', { token: first, newPassword: NEW }))).toEqual([
      'INVALID_TOKEN',
    ]);
    identity.advance(24 * HOUR_MS);
    expect(codesOf(await call('passwordReset', { token: second, newPassword: NEW }))).toEqual([
      'INVALID_TOKEN',
    ]);
  });

  it('does not use its token up for a weak password', async () => {
    const { email } = await identity.organization();
    const token = await resetToken(email);
    expect(codesOf(await call('passwordReset', { token, newPassword: email }))).toEqual(['WEAK_PASSWORD']);
    expect(codesOf(await call('passwordReset', { token, newPassword: NEW }))).toEqual([]);
  });

  it('asks for the second factor of a person who has one, and bounds guesses at it', async () => {
    const person = await enrolledPerson(identity);
    const token = await resetToken(person.organization.email);
    const reset = (otp?: string) => call('passwordReset', { token, newPassword: NEW, otp });
    expect(codesOf(await reset())).toEqual(['MFA_REQUIRED']);
    const right = person.nextCode();
    const wrong = String((Number(right) + 1) % 1_000_000).padStart(6, '0');
    expect(codesOf(await reset(wrong))).toEqual(['INVALID_OTP']);
    expect(codesOf(await reset(right))).toEqual([]);

    const other = await enrolledPerson(identity);
    const otherToken = await resetToken(other.organization.email);
    for (let guess = 1; guess <= LOCKOUT.failuresMax; guess++) {
      await call('passwordReset', { token: otherToken, newPassword: NEW, otp: '000000' });
    }
    const otp = other.nextCode();
    expect(codesOf(await call('passwordReset', { token: otherToken, newPassword: NEW, otp }))).toEqual([
      'LOCKED',
    ]);
  });

  it('keeps only a hash of the token, and writes down neither it nor the password', async () => {
    const { email } = await identity.organization();
    const token = await resetToken(email);
    await call('passwordReset', { token, newPassword: NEW });
    const tables = ['identity.person_tokens', 'identity.users', 'identity.mail_outbox', 'audit.events'];
    for (const table of tables) {
      const { rows } = await client.query(`select row_to_json(t)::text as row from ${table} t`);
      const text = (rows as { row: string }[]).map(({ row }) => row).join('\n');
      expect(text).not.toContain(token);
      expect(text).not.toContain(NEW);
    }
  });

  it('lets a person in at once whom somebody else has locked out', async () => {
    const { email } = await identity.organization();
    for (let guess = 1; guess <= LOCKOUT.failuresMax; guess++) await signIn(email, 'wrong');
    await mailAbout(email, 'Signing in is locked');
    const token = await resetToken(email);
    expect(codesOf(await call('passwordReset', { token, newPassword: NEW }))).toEqual([]);
    expect(codesOf(await signIn(email, NEW))).toEqual([]);
  });
});

it('a password that was hashed at another cost is hashed anew when its person signs in', async () => {
  const organization = await identity.organization();
  const cheap = await hash(organization.password, { memoryCost: 19_456, timeCost: 2, parallelism: 1 });
  await client.query('update identity.users set password_hash = $1 where id = $2', [
    cheap,
    organization.userId,
  ]);
  expect(codesOf(await signIn(organization.email, organization.password))).toEqual([]);
  const stored = async () =>
    (await client.query('select password_hash from identity.users where id = $1', [organization.userId])).rows[0] as unknown; // prettier-ignore
  await expect.poll(stored).toMatchObject({ password_hash: expect.stringContaining('m=65536') as string }); // prettier-ignore
  expect(codesOf(await signIn(organization.email, organization.password))).toEqual([]);
});
