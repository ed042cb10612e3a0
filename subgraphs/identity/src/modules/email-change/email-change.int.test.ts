import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Authenticated } from '@weir/contracts/internal-identity';
import { newUuid } from '@weir/kernel/ids';
import { startTestIdentity, type TestIdentity } from '../../test-identity.ts';
import { tokenIn } from '../mail/test-outbox.ts';

let identity: TestIdentity;
beforeAll(async () => {
  identity = await startTestIdentity();
});
afterAll(() => identity.stop());

async function call(mutation: string, input: object, as?: Authenticated): Promise<string[]> {
  const type = `${mutation.charAt(0).toUpperCase()}${mutation.slice(1)}Input!`;
  const answer = await identity.graphql(
    `mutation ($input: ${type}) { ${mutation}(input: $input) { userErrors { code } } }`,
    { input },
    as,
    {
      ipAddress: `10.1.${Math.ceil(Math.random() * 250)}.${Math.ceil(Math.random() * 250)}`,
      userAgent: 'test',
    },
  );
  const payload = answer.data?.[mutation] as { userErrors: { code: string }[] } | undefined;
  if (!payload) throw new Error(answer.errors?.[0]?.extensions.code);
  return payload.userErrors.map(({ code }) => code);
}

const freshAddress = () => `new-${newUuid().slice(-12)}@example.org`;

async function asking() {
  const organization = await identity.organization();
  const who = await identity.ownerOf(organization);
  const newEmail = freshAddress();
  const request = (email = newEmail) =>
    call('emailChangeRequest', { newEmail: email, currentPassword: organization.password }, who);
  return { organization, who, newEmail, request };
}

const signIn = (email: string, password: string) => call('signIn', { email, password });

describe('a change of address', () => {
  it('takes effect when the new address is confirmed, and tells the old one twice', async () => {
    const { organization, newEmail, request } = await asking();
    const { email, password } = organization;
    expect(await request()).toEqual([]);
    expect(await identity.mailTo(email)).toContain('A change of your e-mail address was asked for');
    expect(await signIn(newEmail, password)).toEqual(['INVALID_CREDENTIALS']);
    const token = tokenIn(await identity.mailTo(newEmail));
    expect(await call('emailChangeConfirm', { token })).toEqual([]);
    expect(await signIn(newEmail, password)).toEqual([]);
    expect(await signIn(email, password)).toEqual(['INVALID_CREDENTIALS']);
    await expect.poll(() => identity.mailTo(email)).toContain('Your e-mail address was changed');
    expect(await call('emailChangeConfirm', { token })).toEqual(['INVALID_TOKEN']);
  });

  it('needs the password, and a person', async () => {
    const { who, newEmail } = await asking();
    expect(await call('emailChangeRequest', { newEmail }, who)).toEqual(['PROOF_REQUIRED']);
    expect(await call('emailChangeRequest', { newEmail, currentPassword: 'wrong' }, who)).toEqual(['INVALID_PASSWORD']); // prettier-ignore
    await expect(call('emailChangeRequest', { newEmail })).rejects.toThrow('UNAUTHENTICATED');
  });

  it('does not tell whether somebody has the new address, except them', async () => {
    const { request } = await asking();
    const somebody = await identity.organization();
    expect(await request(somebody.email)).toEqual([]);
    const mail = await identity.mailTo(somebody.email);
    expect(mail).toContain('Somebody wants to use your e-mail address');
    expect(mail).not.toContain('#token=');
  });

  it('fails when somebody takes the address before it is confirmed, and leaves the old one', async () => {
    const [first, second] = [await asking(), await asking()];
    await first.request(first.newEmail);
    const firstToken = tokenIn(await identity.mailTo(first.newEmail));
    await second.request(first.newEmail);
    await expect.poll(async () => tokenIn(await identity.mailTo(first.newEmail))).not.toBe(firstToken); // prettier-ignore
    const secondToken = tokenIn(await identity.mailTo(first.newEmail));
    expect(await call('emailChangeConfirm', { token: secondToken })).toEqual([]);
    expect(await call('emailChangeConfirm', { token: firstToken })).toEqual(['EMAIL_TAKEN']);
    expect(await signIn(first.organization.email, first.organization.password)).toEqual([]);
  });

  it('is over after 24 hours and when the password was reset meanwhile', async () => {
    const { organization, newEmail, request } = await asking();
    await request();
    const token = tokenIn(await identity.mailTo(newEmail));
    await call('passwordResetRequest', { email: organization.email });
    await expect.poll(() => identity.mailTo(organization.email)).toContain('Choose a new password'); // prettier-ignore
    const reset = tokenIn(await identity.mailTo(organization.email));
    expect(await call('passwordReset', { token: reset, newPassword: 'three kingfishers at dusk' })).toEqual(
      [],
    );
    expect(await call('emailChangeConfirm', { token })).toEqual(['INVALID_TOKEN']);

    const late = await asking();
    await late.request();
    const lateToken = tokenIn(await identity.mailTo(late.newEmail));
    identity.advance(24 * 60 * 60_000);
    expect(await call('emailChangeConfirm', { token: lateToken })).toEqual(['INVALID_TOKEN']);
  });
});
