import type { InternalIdentity } from '@weir/contracts/internal-identity';
import { recordAudit } from '@weir/graphql/audit';
import { requireSignedIn } from '@weir/graphql/authorization';
import { userError, type UserErrorValue } from '@weir/graphql/user-errors';
import type { Clock } from '@weir/kernel/clock';
import { err, ok, type Result } from '@weir/kernel/result';
import { withTenant } from '@weir/prisma/tenant';
import type { AfterAnswer } from '../../after-answer.ts';
import type { PasswordErrorCode } from '../../generated/resolvers-types.ts';
import type { QueueMail } from '../mail/queue-mail.ts';
import { createPersonTokens } from '../person-tokens/person-tokens.ts';
import type { RateLimits } from '../rate-limits/rate-limits.ts';
import { createProof, type ProofDeps } from '../second-factors/proof.ts';
import { createSessionStore } from '../sessions/session-store.ts';
import { createUserStore } from '../users/user-store.ts';
import { checkNewPassword } from './new-password.ts';
import { createPasswordReset, type PasswordResetInput } from './password-reset.ts';
import { personPolicyOf } from './person-policy.ts';

export type PasswordProblem = UserErrorValue<PasswordErrorCode>;

export interface PasswordChangeInput {
  readonly currentPassword?: string | null | undefined;
  readonly code?: string | null | undefined;
  readonly newPassword: string;
}

export interface PasswordDeps extends ProofDeps {
  readonly clock: Clock;
  readonly rateLimits: RateLimits;
  readonly queueMail: QueueMail;
  readonly afterAnswer: AfterAnswer;
}

export interface PasswordService {
  /** Answers how many other sessions ended. @throws AppError UNAUTHENTICATED without a session. */
  change(identity: InternalIdentity, input: PasswordChangeInput): Promise<Result<number, PasswordProblem>>;
  /** Answers before it is known whether anybody has the address. @throws AppError RATE_LIMITED. */
  requestReset(email: string, by: InternalIdentity): Promise<Result<true, PasswordProblem>>;
  /** Answers how many sessions ended. @throws AppError RATE_LIMITED. */
  reset(input: PasswordResetInput, by: InternalIdentity): Promise<Result<number, PasswordProblem>>;
}

const NOT_A_SESSION = userError('NOT_A_SESSION', 'An API key has no password. Sign in as a person.');

export function createPasswordService(deps: PasswordDeps): PasswordService {
  const { db, clock, passwords, queueMail } = deps;
  const prove = createProof(deps);
  const resets = createPasswordReset(deps);
  return {
    async change(identity, { currentPassword, code, newPassword }) {
      const actor = requireSignedIn(identity);
      if (actor.type !== 'user') return err(NOT_A_SESSION);
      const { userId } = actor;
      const person = await withTenant(db, { userId }, (tx) => personPolicyOf(tx, userId));
      if (!person) throw new Error('a session without an active person');
      const weakness = await checkNewPassword(newPassword, person.about, person.policy);
      if (weakness !== undefined) return err(userError('WEAK_PASSWORD', weakness, 'newPassword'));
      const proof = await prove(userId, { password: currentPassword, code });
      if (!proof.ok) return proof;
      const passwordHash = await passwords.hash(newPassword);
      const at = new Date(clock.now());
      return withTenant(db, { userId }, async (tx) => {
        await createUserStore(tx).setPasswordHash(userId, passwordHash);
        await createPersonTokens(tx).useAll(userId, 'PASSWORD_RESET', at);
        const ended = await createSessionStore(tx).revokeAllOf(userId, at, { but: actor.sessionId });
        const { email, displayName } = person.user;
        await queueMail(tx, { to: email, mail: { kind: 'passwordChanged', displayName } });
        await recordAudit(tx, identity, {
          organizationId: identity.organizationId,
          action: 'auth.password.change',
          target: { type: 'user', id: userId },
          metadata: { endedSessions: ended },
        });
        return ok(ended);
      });
    },

    requestReset: (email, by) => resets.request(email, by),
    reset: (input, by) => resets.reset(input, by),
  };
}
