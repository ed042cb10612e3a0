import { userError, type UserErrorValue } from '@weir/graphql/user-errors';
import { err, ok, type Result } from '@weir/kernel/result';
import type { Database } from '@weir/prisma/database';
import { withTenant } from '@weir/prisma/tenant';
import type { SecondFactorMethod, SessionErrorCode } from '../../generated/resolvers-types.ts';
import type { PasskeyAssertion, PasskeyChallenge } from '../passkeys/passkey-assertions.ts';
import type { SecondFactors } from '../second-factors/second-factors.ts';
import type { User } from '../users/user.ts';
import type { Guess } from './attempts.ts';
import type { BeginSession, BegunSession } from './begin-session.ts';
import type { Client } from './client.ts';

export type SessionProblem = UserErrorValue<SessionErrorCode>;

/** What somebody shows beside the first factor; either will do. */
export interface ShownFactor {
  readonly otp?: string | null | undefined;
  readonly passkey?: PasskeyAssertion | null | undefined;
}

/** Why nobody was signed in, and what would help beside the first factor; told only to those who have shown that. */
export interface SignInRefusal {
  readonly problem: SessionProblem;
  readonly secondFactors: readonly SecondFactorMethod[];
  /** For a person with passkeys. */
  readonly passkeyChallenge: PasskeyChallenge | undefined;
}

export type SignInOutcome = Result<BegunSession, SignInRefusal>;

export interface SecondStepDeps {
  readonly db: Database;
  readonly secondFactors: SecondFactors;
  readonly begin: BeginSession;
}

const MFA_REQUIRED = userError('MFA_REQUIRED', 'This account asks for a second factor.', 'otp');
const INVALID_OTP = userError('INVALID_OTP', 'The code is wrong, has expired or was used before.', 'otp');

export const refused = (
  problem: SessionProblem,
  secondFactors: readonly SecondFactorMethod[] = [],
  passkeyChallenge?: PasskeyChallenge,
): SignInOutcome => err({ problem, secondFactors, passkeyChallenge });

/**
 * Begins a session for a person who has shown the first factor, when they show the second one that they enrolled. A
 * missing second factor does not forgive earlier wrong ones.
 */
export function createSecondStep({ db, secondFactors, begin }: SecondStepDeps) {
  return function second(
    user: Pick<User, 'id'>,
    shown: ShownFactor,
    client: Client,
  ): Promise<Guess<SignInOutcome>> {
    return withTenant(db, { userId: user.id }, async (tx): Promise<Guess<SignInOutcome>> => {
      const verdict = await secondFactors.verify(tx, user.id, shown.otp, shown.passkey);
      if (verdict === 'ok' || verdict === 'notEnrolled') {
        return { verdict: 'right', answer: ok(await begin(tx, user, client)) };
      }
      const methods = await secondFactors.methodsOf(tx, user.id);
      const challenge = await secondFactors.challengePasskey(tx, user.id);
      return verdict === 'missing'
        ? { verdict: 'undecided', answer: refused(MFA_REQUIRED, methods, challenge) }
        : { verdict: 'wrong', answer: refused(INVALID_OTP, methods, challenge) };
    });
  };
}
