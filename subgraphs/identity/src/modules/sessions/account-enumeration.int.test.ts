import type * as library from '@node-rs/argon2';
import pg from 'pg';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { startTestIdentity, type TestIdentity } from '../../test-identity.ts';

const argon2 = vi.hoisted(() => ({ work: [] as string[] }));

/** The library as it is, with a book of what each hash costs: its parameters, and how much it is given to hash. */
vi.mock('@node-rs/argon2', async (importOriginal) => {
  const real = await importOriginal<typeof library>();
  return {
    ...real,
    hash: (password: string, ...rest: [object]) => {
      argon2.work.push('hash');
      return real.hash(password, ...rest);
    },
    verify: (stored: string, candidate: string) => {
      const parameters = stored.split('$').slice(1, 4).join('$');
      argon2.work.push(`verify ${parameters} of ${candidate.length}`);
      return real.verify(stored, candidate);
    },
  };
});

let identity: TestIdentity;
beforeAll(async () => {
  identity = await startTestIdentity();
});
afterAll(() => identity.stop());

const SIGN_IN =
  'mutation ($input: SignInInput!) { signIn(input: $input) { accessToken secondFactors userErrors { code message field } } }';
const RESET =
  'mutation ($input: PasswordResetRequestInput!) { passwordResetRequest(input: $input) { userErrors { code } } }';

it('signing in gives the same answer for as much hashing, whether or not an address is somebody’s', async () => {
  const { email } = await identity.organization();
  const seen = [];
  for (const address of [email, 'nobody@example.org', 'no address', email]) {
    argon2.work.splice(0);
    const answer = await identity.graphql(SIGN_IN, {
      input: { email: address, password: 'a wrong password' },
    });
    seen.push({ answer, work: argon2.work.slice() });
  }
  expect(seen[0]?.work).toEqual(['verify argon2id$v=19$m=65536,t=2,p=1 of 16']);
  for (const each of seen) expect(each).toEqual(seen[0]);
});

it('asking for a new password is answered before anybody looks whether the address is somebody’s', async () => {
  const { email } = await identity.organization();
  const ask = (address: string) => identity.graphql(RESET, { input: { email: address } });
  const guard = new pg.Client({ connectionString: identity.databaseUrl });
  await guard.connect();
  try {
    // Whoever wants to read a person or write a mail waits until these are answered.
    await guard.query('begin');
    await guard.query('lock table identity.users, identity.mail_outbox in access exclusive mode');
    const [somebody, nobody] = [await ask(email), await ask('nobody@example.org')];
    expect(somebody).toEqual({ data: { passwordResetRequest: { userErrors: [] } } });
    expect(nobody).toEqual(somebody);
  } finally {
    await guard.end();
  }
  expect(await identity.mailTo(email)).toContain('reset');
});
