import { userError } from '@weir/graphql/user-errors';
import type { Clock } from '@weir/kernel/clock';
import { withTenant } from '@weir/prisma/tenant';
import type { AfterAnswer } from '../../after-answer.ts';
import type { RateLimits } from '../rate-limits/rate-limits.ts';
import type { Passwords } from '../users/password.ts';
import { createUserStore } from '../users/user-store.ts';
import { normalizeEmail, type User } from '../users/user.ts';
import type { Attempts } from './attempts.ts';
import type { Client } from './client.ts';
import type { SignInAudit } from './sign-in-audit.ts';
import {
  createSecondStep,
  refused,
  type SecondStepDeps,
  type ShownFactor,
  type SignInOutcome,
} from './second-step.ts';

export interface SignInInput extends ShownFactor {
  readonly email: string;
  readonly password: string;
}

export interface SignInDeps extends SecondStepDeps {
  readonly clock: Clock;
  readonly passwords: Passwords;
  readonly attempts: Attempts;
  readonly failures: SignInAudit;
  readonly afterAnswer: AfterAnswer;
  readonly rateLimits: RateLimits;
}

const INVALID = userError('INVALID_CREDENTIALS', 'The address and the password do not belong together.');
const LOCKED = userError('LOCKED', 'Too many failures for this address. Try again in 15 minutes.');

/**
 * Begins a session for whoever knows an address and its password and shows the second factor that its person enrolled.
 * The answer, and the time it takes, is the same for an address that nobody has.
 */
export function createSignIn(deps: SignInDeps) {
  const { db, clock, passwords, attempts, failures, afterAnswer, rateLimits } = deps;
  const second = createSecondStep(deps);

  /** The person, when the password is theirs. What cannot be an address takes a hash, too. */
  async function whoKnows(email: string | undefined, password: string): Promise<User | undefined> {
    const user =
      email === undefined
        ? undefined
        : await withTenant(db, { credential: email }, (tx) => createUserStore(tx).byEmail(email));
    const isOver = user?.breakGlassUntil != null && user.breakGlassUntil.getTime() <= clock.now();
    const known = user?.status === 'ACTIVE' && !isOver ? user : undefined;
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

  return async function signIn(input: SignInInput, client: Client): Promise<SignInOutcome> {
    const address = normalizeEmail(input.email);
    await rateLimits.check('failureFromIp', client.ipAddress);
    const email = address ?? input.email;
    const guessed = await attempts.guess<SignInOutcome>(
      email,
      async () => {
        const user = await whoKnows(address, input.password);
        return user ? second(user, input, client) : { verdict: 'wrong', answer: refused(INVALID) };
      },
      () => failures.locked(email, client),
    );
    const answer = guessed === 'locked' ? refused(LOCKED) : guessed;
    if (!answer.ok && answer.error.problem.code !== 'MFA_REQUIRED') {
      failures.failed(email, client, answer.error.problem.code);
      if (guessed !== 'locked') await rateLimits.count('failureFromIp', client.ipAddress);
    }
    return answer;
  };
}
