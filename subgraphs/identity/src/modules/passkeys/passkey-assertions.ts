import {
  generateAuthenticationOptions,
  verifyAuthenticationResponse,
  type AuthenticationResponseJSON,
  type PublicKeyCredentialRequestOptionsJSON,
} from '@simplewebauthn/server';
import { z } from 'zod';
import type { Clock } from '@weir/kernel/clock';
import { isUuid, type Uuid } from '@weir/kernel/ids';
import type { Transaction } from '@weir/prisma/tenant';
import type { OneTimeTokens } from '../one-time-tokens/one-time-tokens.ts';
import { createPasskeyStore } from './passkey-store.ts';
import { CHALLENGE_LIFE_MS, userHandleOf, type StoredPasskey } from './passkey.ts';
import type { RelyingParty } from './relying-party.ts';

/** What a browser is asked to sign, and the token that brings the challenge back. */
export interface PasskeyChallenge {
  readonly challengeToken: string;
  readonly options: PublicKeyCredentialRequestOptionsJSON;
}

export interface PasskeyAssertion {
  readonly challengeToken: string;
  readonly credential: AuthenticationResponseJSON;
}

/** Alone, the device has to verify its person, as nothing else does; beside a password, having the device is enough. */
export type PasskeyPurpose = 'passkeySignIn' | 'passkeySecondFactor';

/** Challenges passkeys and checks what they sign. */
export interface PasskeyAssertions {
  /** For whoever has a passkey on their device. Undefined where the platform has no domain name. */
  challengeAnybody(): Promise<PasskeyChallenge | undefined>;
  /** For a person whose password is known already; undefined for one without passkeys. */
  challenge(tx: Transaction, userId: Uuid): Promise<PasskeyChallenge | undefined>;
  /**
   * Whether the assertion answers a challenge of ours that nobody has used, with a passkey of the person.
   * @param tx Sees the person's own rows.
   */
  verify(
    tx: Transaction,
    passkey: StoredPasskey,
    assertion: PasskeyAssertion,
    purpose: PasskeyPurpose,
  ): Promise<boolean>;
}

export interface PasskeyAssertionsDeps {
  readonly relyingParty: RelyingParty | undefined;
  readonly oneTimeTokens: OneTimeTokens;
  readonly clock: Clock;
}

const contentSchema = z.object({ challenge: z.string(), userId: z.string().refine(isUuid).nullable() });

export function createPasskeyAssertions(deps: PasskeyAssertionsDeps): PasskeyAssertions {
  const { relyingParty, oneTimeTokens, clock } = deps;

  async function challengeWith(
    userId: Uuid | null,
    passkeys: readonly StoredPasskey[],
    rp: RelyingParty,
  ): Promise<PasskeyChallenge> {
    const options = await generateAuthenticationOptions({
      rpID: rp.id,
      timeout: CHALLENGE_LIFE_MS,
      userVerification: userId === null ? 'required' : 'preferred',
      allowCredentials: passkeys.map(({ credentialId, transports }) => ({
        id: credentialId.toString('base64url'),
        transports: [...transports],
      })),
    });
    const content = { challenge: options.challenge, userId };
    const purpose: PasskeyPurpose = userId === null ? 'passkeySignIn' : 'passkeySecondFactor';
    return { challengeToken: oneTimeTokens.issue(purpose, content, CHALLENGE_LIFE_MS), options };
  }

  return {
    async challengeAnybody() {
      return relyingParty && challengeWith(null, [], relyingParty);
    },

    async challenge(tx, userId) {
      const passkeys = await createPasskeyStore(tx).allOf(userId);
      return relyingParty && passkeys.length > 0 ? challengeWith(userId, passkeys, relyingParty) : undefined;
    },

    async verify(tx, passkey, { challengeToken, credential }, purpose) {
      const content = contentSchema.safeParse(oneTimeTokens.open(purpose, challengeToken));
      if (!relyingParty || !content.success) return false;
      const { challenge, userId } = content.data;
      if (userId !== null && userId !== passkey.userId) return false;
      const { userHandle } = credential.response;
      const expectedHandle = Buffer.from(userHandleOf(passkey.userId)).toString('base64url');
      if (userHandle ? userHandle !== expectedHandle : purpose === 'passkeySignIn') return false;
      const verified = await verifyAuthenticationResponse({
        response: credential,
        expectedChallenge: challenge,
        expectedOrigin: relyingParty.origin,
        expectedRPID: relyingParty.id,
        requireUserVerification: purpose === 'passkeySignIn',
        credential: {
          id: passkey.credentialId.toString('base64url'),
          publicKey: passkey.publicKey,
          counter: passkey.counter,
        },
        // The library throws for whatever does not fit, and none of it is a failure of ours.
      }).catch(() => undefined);
      if (!verified?.verified || !(await oneTimeTokens.spend(tx, challengeToken))) return false;
      const { newCounter, credentialBackedUp } = verified.authenticationInfo;
      return createPasskeyStore(tx).use(passkey.id, newCounter, credentialBackedUp, new Date(clock.now()));
    },
  };
}
