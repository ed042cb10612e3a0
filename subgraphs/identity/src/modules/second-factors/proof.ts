import { userError, type UserErrorValue } from '@weir/graphql/user-errors';
import type { Uuid } from '@weir/kernel/ids';
import { err, ok, type Result } from '@weir/kernel/result';
import type { Database } from '@weir/prisma/database';
import { withTenant } from '@weir/prisma/tenant';
import type { Attempts } from '../sessions/attempts.ts';
import type { Passwords } from '../users/password.ts';
import { createUserStore } from '../users/user-store.ts';
import type { SecondFactors } from './second-factors.ts';

export type ProofProblem = UserErrorValue<'PROOF_REQUIRED' | 'INVALID_PASSWORD' | 'INVALID_CODE' | 'LOCKED'>;

/** What shows that whoever holds a session is its person: either will do. */
export interface ProofInput {
  readonly code?: string | null | undefined;
  readonly password?: string | null | undefined;
}

export interface ProofDeps {
  readonly db: Database;
  readonly passwords: Passwords;
  readonly attempts: Attempts;
  readonly secondFactors: SecondFactors;
}

const REQUIRED = userError(
  'PROOF_REQUIRED',
  'Show that it is you: give a code of the second factor, or the password.',
);
const WRONG_PASSWORD = userError('INVALID_PASSWORD', 'The password is wrong.', 'password');
const WRONG_CODE = userError('INVALID_CODE', 'The code is wrong, has expired or was used before.', 'code');
const LOCKED = userError('LOCKED', 'Too many failures. Try again in 15 minutes.');

/** Asks the person of a session for more than the session, which somebody may have stolen. */
export function createProof({ db, passwords, attempts, secondFactors }: ProofDeps) {
  return async function prove(
    userId: Uuid,
    { code, password }: ProofInput,
  ): Promise<Result<true, ProofProblem>> {
    const person = await withTenant(db, { userId }, (tx) => createUserStore(tx).credentialsOf(userId));
    if (!person) throw new Error('a session without a person');
    const answer = await attempts.guess<Result<true, ProofProblem>>(person.email, async () => {
      if (password) {
        const matches = await passwords.matches(password, person.passwordHash);
        return matches
          ? { verdict: 'right', answer: ok(true) }
          : { verdict: 'wrong', answer: err(WRONG_PASSWORD) };
      }
      const verdict = await withTenant(db, { userId }, (tx) => secondFactors.verify(tx, userId, code));
      if (verdict === 'ok') return { verdict: 'right', answer: ok(true) };
      return verdict === 'wrong'
        ? { verdict: 'wrong', answer: err(WRONG_CODE) }
        : { verdict: 'undecided', answer: err(REQUIRED) };
    });
    return answer === 'locked' ? err(LOCKED) : answer;
  };
}
