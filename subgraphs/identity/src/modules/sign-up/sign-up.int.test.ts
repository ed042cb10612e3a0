import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newUuid } from '@weir/kernel/ids';
import { createDatabase, type Database } from '@weir/prisma/database';
import { startTestIdentity, type TestIdentity } from '../../test-identity.ts';
import { tokenIn } from '../mail/test-outbox.ts';

const HOUR_MS = 60 * 60_000;
const PASSWORD = 'herons wade below the weir';

let identity: TestIdentity;
let db: Database;
beforeAll(async () => {
  identity = await startTestIdentity();
  db = createDatabase({ url: identity.databaseUrl, role: 'weir_identity', max: 1 });
});
afterAll(async () => {
  await db.$disconnect();
  await identity.stop();
});

interface Payload {
  readonly email: string | null;
  readonly userErrors: readonly { readonly code: string; readonly field: readonly string[] | null }[];
}

async function call(mutation: string, input: object): Promise<Payload> {
  const type = `${mutation.charAt(0).toUpperCase()}${mutation.slice(1)}Input!`;
  const answer = await identity.graphql(
    `mutation ($input: ${type}) { ${mutation}(input: $input) { email userErrors { code field } } }`,
    { input },
  );
  const payload = answer.data?.[mutation];
  if (!payload) throw new Error(answer.errors?.[0]?.extensions.code);
  return payload as Payload;
}

/** Nobody else counts against the network address of this one. */
function aPerson() {
  const slug = `weir-${newUuid().slice(-12)}`;
  const names = { displayName: 'Ada', organizationName: 'Sluices & Co' };
  return { email: `${slug}@example.org`, password: PASSWORD, slug, ...names };
}

/** A mail to the address other than the ones already seen. */
async function anotherMail(email: string, seen: string): Promise<string> {
  await expect.poll(() => identity.mailTo(email)).not.toBe(seen);
  return identity.mailTo(email);
}

const refused = (code: string, field: string) => ({ email: null, userErrors: [{ code, field: [field] }] });

describe('signing up', () => {
  it('founds an organization with its Owner once the address is confirmed, and not before', async () => {
    const person = aPerson();
    const spelled = {
      ...person,
      email: ` ${person.email.toUpperCase()}`,
      slug: ` ${person.slug.toUpperCase()} `,
    };
    expect(await call('signUp', spelled)).toEqual({ email: person.email, userErrors: [] });
    const signedIn = () => identity.ownerOf(person).catch(() => undefined);
    expect(await signedIn()).toBeUndefined();

    const mail = await identity.mailTo(person.email);
    expect(mail).toContain('signing Sluices & Co up');
    expect(mail).toContain('https://weir.example/verify-email#token=');
    const token = tokenIn(mail);
    expect(await call('emailVerify', { token })).toEqual({ email: person.email, userErrors: [] });

    const owner = await identity.ownerOf(person);
    const { data } = await identity.graphql('{ viewer { user { email displayName } organization { slug name } memberships { role { id } } } }', {}, owner); // prettier-ignore
    expect(data?.['viewer']).toEqual({
      user: { email: person.email, displayName: 'Ada' },
      organization: { slug: person.slug, name: 'Sluices & Co' },
      memberships: [{ role: { id: 'rol_owner' } }],
    });
    // Once only.
    expect(await call('emailVerify', { token })).toEqual(refused('INVALID_TOKEN', 'token'));
  });

  it('answers the same for an address that somebody has, and tells its holder', async () => {
    const holder = await identity.organization();
    const stranger = aPerson();
    const answer = await call('signUp', { ...stranger, email: holder.email });
    expect(answer).toEqual({ email: holder.email, userErrors: [] });
    expect(await identity.mailTo(holder.email)).toContain('You have an account already');
    // Nothing else tells either: the slug is as free as before.
    expect((await call('signUp', stranger)).userErrors).toEqual([]);
  });

  it('of several sign-ups with one address the one that is confirmed counts', async () => {
    const first = aPerson();
    const second = { ...aPerson(), email: first.email };
    await call('signUp', first);
    const firstMail = await identity.mailTo(first.email);
    await call('signUp', second);
    const secondMail = await anotherMail(first.email, firstMail);
    expect((await call('emailVerify', { token: tokenIn(firstMail) })).userErrors).toEqual([]);
    expect(await call('emailVerify', { token: tokenIn(secondMail) })).toEqual(
      refused('INVALID_TOKEN', 'token'),
    );
  });

  it('takes another slug when somebody else was faster', async () => {
    const slow = aPerson();
    const fast = { ...aPerson(), slug: slow.slug };
    await call('signUp', slow);
    await call('signUp', fast);
    await call('emailVerify', { token: tokenIn(await identity.mailTo(fast.email)) });
    const token = tokenIn(await identity.mailTo(slow.email));
    expect(await call('emailVerify', { token })).toEqual(refused('SLUG_TAKEN', 'slug'));
    expect(await call('emailVerify', { token, slug: '-x' })).toEqual(refused('INVALID_SLUG', 'slug'));
    expect((await call('emailVerify', { token, slug: `${slow.slug}-2` })).userErrors).toEqual([]);
    expect(await call('signUp', { ...aPerson(), slug: slow.slug })).toEqual(refused('SLUG_TAKEN', 'slug'));
  });

  it('expires after a day; another mail gives another day and makes the first one worthless', async () => {
    const person = aPerson();
    await call('signUp', person);
    const first = await identity.mailTo(person.email);
    identity.advance(23 * HOUR_MS);
    expect(await call('emailVerificationResend', { email: person.email })).toEqual({ email: person.email, userErrors: [] }); // prettier-ignore
    const second = await anotherMail(person.email, first);
    identity.advance(2 * HOUR_MS);
    expect(await call('emailVerify', { token: tokenIn(first) })).toEqual(refused('INVALID_TOKEN', 'token'));
    expect((await call('emailVerify', { token: tokenIn(second) })).userErrors).toEqual([]);
    expect(await call('emailVerificationResend', { email: 'nobody@example.org' })).toEqual({ email: 'nobody@example.org', userErrors: [] }); // prettier-ignore
  });

  it('says what is wrong with the input', async () => {
    const input = { email: 'nobody', password: 'weirs', displayName: ' ', organizationName: 'x'.repeat(121), slug: 'a b' }; // prettier-ignore
    const { userErrors } = await call('signUp', input);
    expect(userErrors).toEqual([
      { code: 'INVALID_EMAIL', field: ['email'] },
      { code: 'INVALID_NAME', field: ['displayName'] },
      { code: 'INVALID_NAME', field: ['organizationName'] },
      { code: 'INVALID_SLUG', field: ['slug'] },
      { code: 'WEAK_PASSWORD', field: ['password'] },
    ]);
  });

  it('keeps no token and no password in the clear', async () => {
    const person = aPerson();
    await call('signUp', person);
    const token = tokenIn(await identity.mailTo(person.email));
    const rows = await db.$transaction(async (tx) => {
      await tx.$executeRaw`select set_config('app.credential', ${person.email}, true)`;
      return tx.addressProof.findMany();
    });
    expect(rows).toHaveLength(1);
    expect(JSON.stringify(rows)).not.toContain(token);
    expect(rows[0]?.passwordHash).toMatch(/^\$argon2id\$/);
    // And shows nobody's to anybody else.
    expect(await db.addressProof.findMany()).toEqual([]);
  });
});

describe('strangers', () => {
  it('make one address receive at most five mails an hour, whether or not somebody has it', async () => {
    const holder = await identity.organization();
    for (const email of [holder.email, aPerson().email]) {
      for (let count = 0; count < 5; count++) await call('emailVerificationResend', { email });
      await expect(call('signUp', { ...aPerson(), email })).rejects.toThrow('RATE_LIMITED');
    }
    identity.advance(HOUR_MS);
    await call('emailVerificationResend', { email: holder.email });
  });

  it('send at most thirty an hour from one network address, and guess at most sixty tokens', async () => {
    identity.advance(HOUR_MS);
    for (let count = 0; count < 30; count++) {
      await call('emailVerificationResend', { email: `nobody-${String(count)}@example.org` });
    }
    await expect(call('emailVerificationResend', { email: 'one@example.org' })).rejects.toThrow(
      'RATE_LIMITED',
    );
    for (let count = 0; count < 60; count++) await call('emailVerify', { token: `guess ${String(count)}` });
    await expect(call('emailVerify', { token: 'one more' })).rejects.toThrow('RATE_LIMITED');
    identity.advance(HOUR_MS);
  });
});
