import type {
  AuthenticationResponseJSON,
  PublicKeyCredentialCreationOptionsJSON,
  PublicKeyCredentialRequestOptionsJSON,
  RegistrationResponseJSON,
} from '@simplewebauthn/server';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Authenticated } from '@weir/contracts/internal-identity';
import { startTestIdentity, type TestIdentity, type TestOrganization } from '../../test-identity.ts';
import { CHALLENGE_LIFE_MS } from './passkey.ts';
import { createTestAuthenticator, type Circumstances, type TestAuthenticator } from './test-authenticator.ts';

let identity: TestIdentity;

beforeAll(async () => {
  identity = await startTestIdentity();
});
afterAll(() => identity.stop());

interface Payload {
  readonly accessToken?: string | null;
  readonly challengeToken: string;
  readonly options: PublicKeyCredentialCreationOptionsJSON;
  readonly challenge: {
    readonly challengeToken: string;
    readonly options: PublicKeyCredentialRequestOptionsJSON;
  };
  readonly passkeyChallenge: Payload['challenge'] | null;
  readonly secondFactors: readonly string[];
  readonly passkey: { readonly id: string; readonly name: string } | null;
  readonly recoveryCodes: readonly string[] | null;
  readonly removedId: string | null;
  readonly userErrors: readonly { readonly code: string }[];
}

async function mutate(
  field: string,
  selection: string,
  input?: object,
  type = '',
  as?: Authenticated,
): Promise<Payload> {
  const query = input
    ? `mutation ($input: ${type}!) { ${field}(input: $input) { ${selection} userErrors { code } } }`
    : `mutation { ${field} { ${selection} userErrors { code } } }`;
  const answer = await identity.graphql(query, input ? { input } : {}, as);
  if (answer.errors) throw new Error(JSON.stringify(answer.errors));
  return answer.data?.[field] as Payload;
}

const codesOf = ({ userErrors }: Payload): string[] => userErrors.map((error) => error.code);

const beginRegistration = (as: Authenticated) =>
  mutate('passkeyRegistrationBegin', 'challengeToken options', undefined, '', as);
const register = (
  as: Authenticated,
  challengeToken: string,
  credential: RegistrationResponseJSON,
  name = 'Key',
) =>
  mutate(
    'passkeyRegister',
    'passkey { id name } recoveryCodes',
    { challengeToken, credential, name },
    'PasskeyRegisterInput',
    as,
  );
const beginSignIn = async () =>
  (await mutate('passkeySignInBegin', 'challenge { challengeToken options }')).challenge;
const passkeySignIn = (challengeToken: string, credential: AuthenticationResponseJSON) =>
  mutate('passkeySignIn', 'accessToken', { challengeToken, credential }, 'PasskeyAssertionInput');
const signIn = (input: object) =>
  mutate(
    'signIn',
    'accessToken secondFactors passkeyChallenge { challengeToken options }',
    input,
    'SignInInput',
  );

interface Person {
  readonly organization: TestOrganization;
  readonly as: Authenticated;
  readonly authenticator: TestAuthenticator;
  readonly passkeyId: string;
  readonly recoveryCodes: readonly string[];
}

async function personWithPasskey(): Promise<Person> {
  const organization = await identity.organization();
  const as = await identity.ownerOf(organization);
  const authenticator = createTestAuthenticator();
  const { challengeToken, options } = await beginRegistration(as);
  const { passkey, recoveryCodes } = await register(as, challengeToken, authenticator.register(options));
  if (!passkey || !recoveryCodes) throw new Error('not registered');
  return { organization, as, authenticator, passkeyId: passkey.id, recoveryCodes };
}

describe('registering a passkey', () => {
  it('lists it, and gives recovery codes with the first factor only', async () => {
    const person = await personWithPasskey();
    expect(person.recoveryCodes).toHaveLength(10);
    const { challengeToken, options } = await beginRegistration(person.as);
    expect(options.excludeCredentials).toHaveLength(1);
    const second = await register(
      person.as,
      challengeToken,
      createTestAuthenticator().register(options),
      'Phone',
    );
    expect(second).toMatchObject({ passkey: { name: 'Phone' }, recoveryCodes: null, userErrors: [] });
    const answer = await identity.graphql(
      '{ viewer { secondFactors { methods passkeys { name lastUsedAt isBackedUp } } } }',
      {},
      person.as,
    );
    expect(answer.data).toEqual({
      viewer: {
        secondFactors: {
          methods: ['PASSKEY', 'RECOVERY_CODE'],
          passkeys: [
            { name: 'Key', lastUsedAt: null, isBackedUp: false },
            { name: 'Phone', lastUsedAt: null, isBackedUp: false },
          ],
        },
      },
    });
  });

  it.each<[string, Circumstances]>([
    ['another origin', { origin: 'https://weir.example.evil.test' }],
    ['another relying party', { rpId: 'evil.test' }],
    ['another challenge', { challenge: 'AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA' }],
    ['nobody being present', { flags: 0 }],
  ])('refuses %s', async (_, lies) => {
    const as = await identity.ownerOf(await identity.organization());
    const { challengeToken, options } = await beginRegistration(as);
    const answer = await register(as, challengeToken, createTestAuthenticator().register(options, lies));
    expect(codesOf(answer)).toEqual(['INVALID_RESPONSE']);
  });

  it('refuses a challenge that was used, is too old, or is another person’s', async () => {
    const person = await personWithPasskey();
    const other = await identity.ownerOf(await identity.organization());
    const { challengeToken, options } = await beginRegistration(person.as);
    const stolen = await register(other, challengeToken, createTestAuthenticator().register(options));
    expect(codesOf(stolen)).toEqual(['INVALID_RESPONSE']);
    expect(
      codesOf(await register(person.as, challengeToken, createTestAuthenticator().register(options))),
    ).toEqual([]);
    const replayed = await register(person.as, challengeToken, createTestAuthenticator().register(options));
    expect(codesOf(replayed)).toEqual(['INVALID_RESPONSE']);
    const late = await beginRegistration(person.as);
    identity.advance(CHALLENGE_LIFE_MS);
    const answer = await register(
      person.as,
      late.challengeToken,
      createTestAuthenticator().register(late.options),
    );
    expect(codesOf(answer)).toEqual(['INVALID_RESPONSE']);
  });

  it('refuses a credential that somebody has registered', async () => {
    const person = await personWithPasskey();
    const other = await identity.ownerOf(await identity.organization());
    const { challengeToken, options } = await beginRegistration(other);
    const answer = await register(other, challengeToken, person.authenticator.register(options));
    expect(codesOf(answer)).toEqual(['ALREADY_REGISTERED']);
  });

  it('renames, and removes with a proof; with the last factor the recovery codes go', async () => {
    const { as, passkeyId, organization } = await personWithPasskey();
    const stranger = await identity.ownerOf(await identity.organization());
    const rename = (who: Authenticated, name: string) =>
      mutate('passkeyRename', 'passkey { id name }', { id: passkeyId, name }, 'PasskeyRenameInput', who);
    const remove = (who: Authenticated, proof: object) =>
      mutate('passkeyRemove', 'removedId', { id: passkeyId, ...proof }, 'PasskeyRemoveInput', who);
    expect(await rename(as, ' Laptop ')).toMatchObject({ passkey: { name: 'Laptop' } });
    expect(codesOf(await rename(as, ''))).toEqual(['INVALID_NAME']);
    expect(codesOf(await rename(stranger, 'Mine'))).toEqual(['NOT_FOUND']);
    expect(codesOf(await remove(as, {}))).toEqual(['PROOF_REQUIRED']);
    expect(codesOf(await remove(as, { password: 'wrong' }))).toEqual(['INVALID_PASSWORD']);
    const told = () => expect.poll(() => identity.mailTo(organization.email));
    await told().toContain('A passkey was added');
    expect(await remove(as, { password: organization.password })).toMatchObject({ removedId: passkeyId });
    await told().toContain('A passkey was removed');
    expect(await signIn({ email: organization.email, password: organization.password })).toMatchObject({
      secondFactors: [],
      userErrors: [],
    });
  });
});

describe('signing in with a passkey alone', () => {
  it('needs neither address nor password nor another factor', async () => {
    const person = await personWithPasskey();
    const { challengeToken, options } = await beginSignIn();
    expect(options).toMatchObject({
      userVerification: 'required',
      allowCredentials: [],
      rpId: 'weir.example',
    });
    const { accessToken } = await passkeySignIn(challengeToken, person.authenticator.answer(options));
    const who = await identity.whoIs({ accessToken: accessToken ?? '' });
    expect(who.actor).toMatchObject({ type: 'user', userId: person.organization.userId });
  });

  it('takes each challenge once, also for several at the same time', async () => {
    const { authenticator } = await personWithPasskey();
    const { challengeToken, options } = await beginSignIn();
    const answers = await Promise.all(
      Array.from({ length: 4 }, () => passkeySignIn(challengeToken, authenticator.answer(options))),
    );
    expect(answers.filter(({ accessToken }) => accessToken)).toHaveLength(1);
    expect(codesOf(await passkeySignIn(challengeToken, authenticator.answer(options)))).toEqual([
      'INVALID_PASSKEY',
    ]);
  });

  it('refuses a challenge after five minutes', async () => {
    const { authenticator } = await personWithPasskey();
    const { challengeToken, options } = await beginSignIn();
    identity.advance(CHALLENGE_LIFE_MS);
    expect(codesOf(await passkeySignIn(challengeToken, authenticator.answer(options)))).toEqual([
      'INVALID_PASSKEY',
    ]);
  });

  it.each<[string, Circumstances]>([
    ['another origin', { origin: 'http://weir.example' }],
    ['another relying party', { rpId: 'evil.test' }],
    ['another challenge', { challenge: 'AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA' }],
    ['a person whom the device did not verify', { flags: 1 }],
    ['another person’s handle', { userHandle: 'AZXvxAAAcAAAAAAAAAAAAA' }],
    ['no handle', { userHandle: '' }],
  ])('refuses %s', async (_, lies) => {
    const { authenticator } = await personWithPasskey();
    const { challengeToken, options } = await beginSignIn();
    const answer = await passkeySignIn(challengeToken, authenticator.answer(options, lies));
    expect(codesOf(answer)).toEqual(['INVALID_PASSKEY']);
  });

  it('refuses a counter that goes back, as a copied device’s does', async () => {
    const { authenticator } = await personWithPasskey();
    const answerWith = async (counter: number) => {
      const { challengeToken, options } = await beginSignIn();
      return codesOf(await passkeySignIn(challengeToken, authenticator.answer(options, { counter })));
    };
    expect(await answerWith(7)).toEqual([]);
    expect(await answerWith(7)).toEqual(['INVALID_PASSKEY']);
    expect(await answerWith(6)).toEqual(['INVALID_PASSKEY']);
    expect(await answerWith(8)).toEqual([]);
  });

  it('refuses an altered signature, an unknown passkey and a removed one', async () => {
    const { authenticator, as, passkeyId, organization } = await personWithPasskey();
    const { challengeToken, options } = await beginSignIn();
    const genuine = authenticator.answer(options);
    const forged = createTestAuthenticator().answer(options);
    const altered = { ...genuine, response: { ...genuine.response, signature: forged.response.signature } };
    expect(codesOf(await passkeySignIn(challengeToken, altered))).toEqual(['INVALID_PASSKEY']);
    expect(codesOf(await passkeySignIn(challengeToken, forged))).toEqual(['INVALID_PASSKEY']);
    const input = { id: passkeyId, password: organization.password };
    await mutate('passkeyRemove', 'removedId', input, 'PasskeyRemoveInput', as);
    expect(codesOf(await passkeySignIn(challengeToken, genuine))).toEqual(['INVALID_PASSKEY']);
  });

  it('says BAD_USER_INPUT to what is no credential', async () => {
    const { challengeToken } = await beginSignIn();
    const answer = await identity.graphql(
      'mutation ($input: PasskeyAssertionInput!) { passkeySignIn(input: $input) { userErrors { code } } }',
      { input: { challengeToken, credential: { id: 'x' } } },
    );
    expect(answer.errors?.[0]?.extensions.code).toBe('BAD_USER_INPUT');
  });
});

describe('a passkey beside the password', () => {
  it('is asked for and completes the sign-in', async () => {
    const { organization, authenticator } = await personWithPasskey();
    const { email, password } = organization;
    const asked = await signIn({ email, password });
    expect(asked).toMatchObject({
      accessToken: null,
      secondFactors: ['PASSKEY', 'RECOVERY_CODE'],
      userErrors: [{ code: 'MFA_REQUIRED' }],
    });
    const { challengeToken, options } = asked.passkeyChallenge ?? (await beginSignIn());
    const passkey = { challengeToken, credential: authenticator.answer(options) };
    expect((await signIn({ email, password, passkey })).accessToken).toEqual(expect.any(String));
    expect(codesOf(await signIn({ email, password, passkey }))).toEqual(['INVALID_OTP']);
  });

  it('cannot answer for another person, with or without the person’s own challenge', async () => {
    const [one, other] = [await personWithPasskey(), await personWithPasskey()];
    const { email, password } = one.organization;
    const { passkeyChallenge } = await signIn({ email, password });
    const challenges = [passkeyChallenge ?? (await beginSignIn()), await beginSignIn()];
    for (const { challengeToken, options } of challenges) {
      const passkey = { challengeToken, credential: other.authenticator.answer(options) };
      expect(codesOf(await signIn({ email, password, passkey }))).toEqual(['INVALID_OTP']);
    }
  });

  it('does not sign in alone with a challenge that was meant to go with the password', async () => {
    const { organization, authenticator } = await personWithPasskey();
    const { passkeyChallenge } = await signIn({ email: organization.email, password: organization.password });
    const { challengeToken, options } = passkeyChallenge ?? (await beginSignIn());
    const answer = await passkeySignIn(challengeToken, authenticator.answer(options, { flags: 1 }));
    expect(codesOf(answer)).toEqual(['INVALID_PASSKEY']);
  });

  it('can be replaced by a recovery code', async () => {
    const { organization, recoveryCodes } = await personWithPasskey();
    const { email, password } = organization;
    expect(codesOf(await signIn({ email, password, otp: recoveryCodes[0] }))).toEqual([]);
  });
});
