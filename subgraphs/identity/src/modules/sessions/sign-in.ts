import { userError, type UserErrorValue } from '@weir/graphql/user-errors';
import { err, ok, type Result } from '@weir/kernel/result';
import type { Database } from '@weir/prisma/database';
import { withTenant } from '@weir/prisma/tenant';
import type { AfterAnswer } from '../../after-answer.ts';
import type { SecondFactorMethod, SessionErrorCode } from '../../generated/resolvers-types.ts';
import type { RateLimits } from '../rate-limits/rate-limits.ts';
import type { Passwords } from '../users/password.ts';
import { createUserStore } from '../users/user-store.ts';
import { normalizeEmail, type User } from '../users/user.ts';
import type { PasskeyAssertion, PasskeyChallenge } from '../passkeys/passkey-assertions.ts';
import type { SecondFactors } from '../second-factors/second-factors.ts';
import type { Attempts, Guess } from './attempts.ts';
import type { BeginSession, BegunSession } from './begin-session.ts';
import type { Client } from './client.ts';
import type { SignInAudit } from './sign-in-audit.ts';

export type SessionProblem = UserErrorValue<SessionErrorCode>;

export interface SignInInput {
  readonly email: string;
  readonly password: string;
  readonly otp?: string | null | undefined;
  readonly passkey?: PasskeyAssertion | null | undefined;
}

/** Why nobody was signed in, and what would help beside the password; told only to those who know the password. */
export interface SignInRefusal {
  readonly problem: SessionProblem;
  readonly secondFactors: readonly SecondFactorMethod[];
  /** For a person with passkeys. */
  readonly passkeyChallenge: PasskeyChallenge | undefined;
}

export interface SignInDeps {
  readonly db: Database;
  readonly passwords: Passwords;
  readonly attempts: Attempts;
  readonly secondFactors: SecondFactors;
  readonly begin: BeginSession;
  readonly failures: SignInAudit;
  readonly afterAnswer: AfterAnswer;
  readonly rateLimits: RateLimits;
}

type Outcome = Result<BegunSession, SignInRefusal>;

const INVALID = userError('INVALID_CREDENTIALS', 'The address and the password do not belong together.');
const LOCKED = userError('LOCKED', 'Too many failures for this address. Try again in 15 minutes.');
const MFA_REQUIRED = userError('MFA_REQUIRED', 'This account asks for a second factor.', 'otp');
const INVALID_OTP = userError('INVALID_OTP', 'The code is wrong, has expired or was used before.', 'otp');

const refused = (
  problem: SessionProblem,
  secondFactors: readonly SecondFactorMethod[] = [],
  passkeyChallenge?: PasskeyChallenge,
): Outcome => err({ problem, secondFactors, passkeyChallenge });

/**
 * Begins a session for whoever knows an address and its password and shows the second factor that its person enrolled.
 * The answer, and the time it takes, is the same for an address that nobody has.
 */
export function createSignIn({
  db,
  passwords,
  attempts,
  secondFactors,
  begin,
  failures,
  afterAnswer,
  rateLimits,
}: SignInDeps) {
  /** The person, when the password is theirs. What cannot be an address takes a hash, too. */
  async function whoKnows(email: string | undefined, password: string): Promise<User | undefined> {
    const user =
      email === undefined
        ? undefined
        : await withTenant(db, { credential: email }, (tx) => createUserStore(tx).byEmail(email));
    const known = user?.status === 'ACTIVE' ? user : undefined;
    const matches = await passwords.matches(password, known?.passwordHash ?? null);
    if (!matches || !known) return undefined;
    if (known.passwordHash !== null && passwords.isOutdated(known.passwordHash)) renewHash(known, password);
    return known;
  }

  /** Passwords are known at no other time, so this is when one is hashed at the cost of today. */
  function renewHash({ id }: User, password: string): void {
    afterAnswer.run(async () => {
      const passwordHash = await passwords.hash(password);
      await withTenant(db, { userId: id }, (tx) => createUserStore(tx).setPasswordHash(id, passwordHash));
    });
  }

  /** For somebody who knows the password. A missing second factor does not forgive earlier wrong ones. */
  async function withSecondFactor(user: User, input: SignInInput, client: Client): Promise<Guess<Outcome>> {
    return withTenant(db, { userId: user.id }, async (tx): Promise<Guess<Outcome>> => {
      const verdict = await secondFactors.verify(tx, user.id, input.otp, input.passkey);
      if (verdict === 'ok' || verdict === 'notEnrolled') {
        return { verdict: 'right', answer: ok(await begin(tx, user, client)) };
      }
      const methods = await secondFactors.methodsOf(tx, user.id);
      const challenge = await secondFactors.challengePasskey(tx, user.id);
      return verdict === 'missing'
        ? { verdict: 'undecided', answer: refused(MFA_REQUIRED, methods, challenge) }
        : { verdict: 'wrong', answer: refused(INVALID_OTP, methods, challenge) };
    });
  }

  return async function signIn(input: SignInInput, client: Client): Promise<Outcome> {
    const address = normalizeEmail(input.email);
    await rateLimits.check('failureFromIp', client.ipAddress);
    const email = address ?? input.email;
    const guessed = await attempts.guess<Outcome>(
      email,
      async () => {
        const user = await whoKnows(address, input.password);
        return user ? withSecondFactor(user, input, client) : { verdict: 'wrong', answer: refused(INVALID) };
      },
      () => failures.locked(email, client),
    );
    const answer = guessed === 'locked' ? refused(LOCKED) : guessed;
    if (!answer.ok && answer.error.problem !== MFA_REQUIRED) {
      failures.failed(email, client, answer.error.problem.code);
      if (guessed !== 'locked') await rateLimits.count('failureFromIp', client.ipAddress);
    }
    return answer;
  };
}
