import {
  generateRegistrationOptions,
  verifyRegistrationResponse,
  type PublicKeyCredentialCreationOptionsJSON,
  type RegistrationResponseJSON,
} from '@simplewebauthn/server';
import { z } from 'zod';
import type { Clock } from '@weir/kernel/clock';
import { isUuid, newUuid } from '@weir/kernel/ids';
import type { OneTimeTokens } from '../one-time-tokens/one-time-tokens.ts';
import type { User } from '../users/user.ts';
import type { NewPasskey } from './passkey-store.ts';
import { CHALLENGE_LIFE_MS, userHandleOf, type StoredPasskey } from './passkey.ts';
import type { RelyingParty } from './relying-party.ts';

/** What a browser is asked to make, and the token that brings the challenge back. */
export interface RegistrationChallenge {
  readonly challengeToken: string;
  readonly options: PublicKeyCredentialCreationOptionsJSON;
}

export interface RegistrationResponse {
  readonly challengeToken: string;
  readonly credential: RegistrationResponseJSON;
}

export interface PasskeyRegistrationDeps {
  readonly relyingParty: RelyingParty;
  readonly oneTimeTokens: OneTimeTokens;
  readonly clock: Clock;
}

type Person = Pick<User, 'id' | 'email' | 'displayName'>;

const contentSchema = z.object({ challenge: z.string(), userId: z.string().refine(isUuid) });

/** @param known Not to be registered once more. */
export async function challengeRegistration(
  { relyingParty, oneTimeTokens }: PasskeyRegistrationDeps,
  person: Person,
  known: readonly StoredPasskey[],
): Promise<RegistrationChallenge> {
  const options = await generateRegistrationOptions({
    rpID: relyingParty.id,
    rpName: relyingParty.name,
    userID: userHandleOf(person.id),
    userName: person.email,
    userDisplayName: person.displayName,
    timeout: CHALLENGE_LIFE_MS,
    attestationType: 'none',
    authenticatorSelection: { residentKey: 'preferred', userVerification: 'preferred' },
    excludeCredentials: known.map(({ credentialId, transports }) => ({
      id: credentialId.toString('base64url'),
      transports: [...transports],
    })),
  });
  const content = { challenge: options.challenge, userId: person.id };
  return { challengeToken: oneTimeTokens.issue('passkeyRegistration', content, CHALLENGE_LIFE_MS), options };
}

const TRANSPORTS_MAX = 10;

/** The passkey, when the response answers a challenge for this person; undefined otherwise. Uses nothing up. */
export async function registeredPasskey(
  { relyingParty, oneTimeTokens, clock }: PasskeyRegistrationDeps,
  { id: userId }: Pick<Person, 'id'>,
  { challengeToken, credential }: RegistrationResponse,
  name: string,
): Promise<NewPasskey | undefined> {
  const content = contentSchema.safeParse(oneTimeTokens.open('passkeyRegistration', challengeToken));
  if (content.data?.userId !== userId) return undefined;
  const verified = await verifyRegistrationResponse({
    response: credential,
    expectedChallenge: content.data.challenge,
    expectedOrigin: relyingParty.origin,
    expectedRPID: relyingParty.id,
    requireUserVerification: false,
    // The library throws for whatever does not fit, and none of it is a failure of ours.
  }).catch(() => undefined);
  if (!verified?.verified) return undefined;
  const { credential: made, credentialBackedUp } = verified.registrationInfo;
  const nowMs = clock.now();
  return {
    id: newUuid(nowMs),
    userId,
    name,
    credentialId: Buffer.from(made.id, 'base64url'),
    publicKey: new Uint8Array(made.publicKey),
    counter: made.counter,
    transports: (made.transports ?? []).slice(0, TRANSPORTS_MAX),
    isBackedUp: credentialBackedUp,
    createdAt: new Date(nowMs),
  };
}
