import type { InternalIdentity } from '@weir/contracts/internal-identity';
import { recordAudit } from '@weir/graphql/audit';
import { userError } from '@weir/graphql/user-errors';
import { err, ok, type Result } from '@weir/kernel/result';
import { withTenant, type Transaction } from '@weir/prisma/tenant';
import { createPersonTokens, findPersonToken, type PersonToken } from '../person-tokens/person-tokens.ts';
import type { Guess } from '../sessions/attempts.ts';
import { createSessionStore } from '../sessions/session-store.ts';
import { createUserStore } from '../users/user-store.ts';
import { normalizeEmail } from '../users/user.ts';
import { checkNewPassword } from './new-password.ts';
import type { PasswordDeps, PasswordProblem } from './password-service.ts';
import { personPolicyOf, type PersonPolicy } from './person-policy.ts';

export interface PasswordResetInput {
  readonly token: string;
  readonly newPassword: string;
  readonly otp?: string | null | undefined;
}

type Outcome = Result<number, PasswordProblem>;

const INVALID_EMAIL = userError('INVALID_EMAIL', 'This is no e-mail address.', 'email');
const INVALID_TOKEN = userError('INVALID_TOKEN', 'This link is not valid any more. Ask for another one.', 'token'); // prettier-ignore
const MFA_REQUIRED = userError('MFA_REQUIRED', 'This account asks for a code of its second factor.', 'otp');
const INVALID_OTP = userError('INVALID_OTP', 'The code is wrong, has expired or was used before.', 'otp');
const LOCKED = userError('LOCKED', 'Too many failures. Try again in 15 minutes.');

/** Lets people in who have forgotten their password and read their mail. */
export function createPasswordReset(deps: PasswordDeps) {
  const { db, clock, passwords, attempts, secondFactors, rateLimits, queueMail, afterAnswer } = deps;

  async function mailToken(email: string, by: InternalIdentity): Promise<void> {
    const user = await withTenant(db, { credential: email }, (tx) => createUserStore(tx).byEmail(email));
    if (user?.status !== 'ACTIVE') return;
    await withTenant(db, { userId: user.id }, async (tx) => {
      const person = await personPolicyOf(tx, user.id);
      const token = await createPersonTokens(tx).issue(user.id, 'PASSWORD_RESET', new Date(clock.now()));
      await queueMail(tx, {
        to: email,
        mail: { kind: 'passwordReset', displayName: user.displayName, token },
      });
      await recordAudit(tx, by, {
        organizationId: person?.organizationIds[0] ?? null,
        action: 'auth.password.reset_request',
        target: { type: 'user', id: user.id },
      });
    });
  }

  async function replace(
    tx: Transaction,
    token: PersonToken,
    { user, organizationIds }: PersonPolicy,
    passwordHash: string,
    by: InternalIdentity,
  ): Promise<Outcome> {
    const at = new Date(clock.now());
    const tokens = createPersonTokens(tx);
    if (!(await tokens.use(token.id, at))) return err(INVALID_TOKEN);
    await createUserStore(tx).setPasswordHash(user.id, passwordHash);
    await tokens.useAll(user.id, 'EMAIL_CHANGE', at);
    const ended = await createSessionStore(tx).revokeAllOf(user.id, at);
    await queueMail(tx, { to: user.email, mail: { kind: 'passwordChanged', displayName: user.displayName } });
    await recordAudit(tx, by, {
      organizationId: organizationIds[0] ?? null,
      action: 'auth.password.reset',
      target: { type: 'user', id: user.id },
      metadata: { endedSessions: ended },
    });
    return ok(ended);
  }

  return {
    /** @throws AppError RATE_LIMITED. */
    async request(address: string, by: InternalIdentity): Promise<Result<true, PasswordProblem>> {
      const email = normalizeEmail(address);
      if (email === undefined) return err(INVALID_EMAIL);
      await rateLimits.count('mailFromIp', by.ipAddress);
      await rateLimits.count('mailToAddress', email);
      afterAnswer.run(() => mailToken(email, by));
      return ok(true);
    },

    /** Answers how many sessions ended. @throws AppError RATE_LIMITED. */
    async reset(input: PasswordResetInput, by: InternalIdentity): Promise<Outcome> {
      await rateLimits.count('tokenFromIp', by.ipAddress);
      const token = await findPersonToken(db, 'PASSWORD_RESET', input.token, new Date(clock.now()));
      const person =
        token && (await withTenant(db, { userId: token.userId }, (tx) => personPolicyOf(tx, token.userId)));
      if (!token || !person) return err(INVALID_TOKEN);
      const weakness = await checkNewPassword(input.newPassword, person.about, person.policy);
      if (weakness !== undefined) return err(userError('WEAK_PASSWORD', weakness, 'newPassword'));
      const passwordHash = await passwords.hash(input.newPassword);
      const { email, id: userId } = person.user;

      const decide = (tx: Transaction) => secondFactors.verify(tx, userId, input.otp);
      const methods = await withTenant(db, { userId }, (tx) => secondFactors.methodsOf(tx, userId));
      if (methods.length === 0) {
        const outcome = await withTenant(db, { userId }, (tx) =>
          replace(tx, token, person, passwordHash, by),
        );
        if (outcome.ok) await attempts.forgive(email);
        return outcome;
      }
      const answer = await attempts.guess<Outcome>(email, () =>
        withTenant(db, { userId }, async (tx): Promise<Guess<Outcome>> => {
          const verdict = await decide(tx);
          if (verdict === 'missing') return { verdict: 'undecided', answer: err(MFA_REQUIRED) };
          if (verdict === 'wrong') return { verdict: 'wrong', answer: err(INVALID_OTP) };
          return { verdict: 'right', answer: await replace(tx, token, person, passwordHash, by) };
        }),
      );
      return answer === 'locked' ? err(LOCKED) : answer;
    },
  };
}
