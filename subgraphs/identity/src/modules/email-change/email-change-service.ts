import type { InternalIdentity } from '@weir/contracts/internal-identity';
import { recordAudit } from '@weir/graphql/audit';
import { requireSignedIn } from '@weir/graphql/authorization';
import { userError, type UserErrorValue } from '@weir/graphql/user-errors';
import type { Clock } from '@weir/kernel/clock';
import { err, ok, type Result } from '@weir/kernel/result';
import { withTenant } from '@weir/prisma/tenant';
import type { EmailChangeErrorCode } from '../../generated/resolvers-types.ts';
import { isUniqueViolation } from '../../unique-violation.ts';
import type { QueueMail } from '../mail/queue-mail.ts';
import { personPolicyOf } from '../passwords/person-policy.ts';
import { createPersonTokens, findPersonToken } from '../person-tokens/person-tokens.ts';
import type { RateLimits } from '../rate-limits/rate-limits.ts';
import { createProof, type ProofDeps, type ProofInput } from '../second-factors/proof.ts';
import { createUserStore } from '../users/user-store.ts';
import { normalizeEmail } from '../users/user.ts';

export type EmailChangeProblem = UserErrorValue<EmailChangeErrorCode>;

export interface EmailChangeInput extends ProofInput {
  readonly newEmail: string;
}

export interface EmailChangeDeps extends ProofDeps {
  readonly clock: Clock;
  readonly rateLimits: RateLimits;
  readonly queueMail: QueueMail;
}

export interface EmailChangeService {
  /** Mails both addresses; answers the same when somebody has the new one. @throws AppError RATE_LIMITED. */
  request(identity: InternalIdentity, input: EmailChangeInput): Promise<Result<true, EmailChangeProblem>>;
  /** Answers the new address. @throws AppError RATE_LIMITED. */
  confirm(token: string, by: InternalIdentity): Promise<Result<string, EmailChangeProblem>>;
}

const NOT_A_SESSION = userError('NOT_A_SESSION', 'An API key has no address. Sign in as a person.');
const INVALID_EMAIL = userError('INVALID_EMAIL', 'This is no e-mail address.', 'newEmail');
const SAME_EMAIL = userError('INVALID_EMAIL', 'This is your address already.', 'newEmail');
const INVALID_TOKEN = userError('INVALID_TOKEN', 'This link is not valid any more. Ask for another one.', 'token'); // prettier-ignore
const EMAIL_TAKEN = userError('EMAIL_TAKEN', 'Somebody else has this address by now.');

export function createEmailChangeService(deps: EmailChangeDeps): EmailChangeService {
  const { db, clock, rateLimits, queueMail } = deps;
  const prove = createProof(deps);

  return {
    async request(identity, { newEmail: text, ...proofInput }) {
      const actor = requireSignedIn(identity);
      if (actor.type !== 'user') return err(NOT_A_SESSION);
      const newEmail = normalizeEmail(text);
      if (newEmail === undefined) return err(INVALID_EMAIL);
      await rateLimits.count('mailFromIp', identity.ipAddress);
      await rateLimits.count('mailToAddress', newEmail);
      const { userId } = actor;
      const proof = await prove(userId, proofInput);
      if (!proof.ok) return proof;
      return withTenant(db, { userId, credential: newEmail }, async (tx) => {
        const person = await personPolicyOf(tx, userId);
        if (!person) throw new Error('a session without an active person');
        const { email, displayName } = person.user;
        if (email === newEmail) return err(SAME_EMAIL);
        const holder = await createUserStore(tx).byEmail(newEmail);
        const at = new Date(clock.now());
        const token = await createPersonTokens(tx).issue(userId, 'EMAIL_CHANGE', at, newEmail);
        const mail = holder
          ? ({ kind: 'emailChangeTaken', displayName: holder.displayName } as const)
          : ({ kind: 'emailChange', displayName, token } as const);
        await queueMail(tx, { to: newEmail, mail });
        await queueMail(tx, { to: email, mail: { kind: 'emailChangeNotice', displayName, newEmail } });
        await recordAudit(tx, identity, {
          organizationId: identity.organizationId,
          action: 'auth.email.change_request',
          target: { type: 'user', id: userId },
          metadata: { newEmail },
        });
        return ok(true);
      });
    },

    async confirm(text, by) {
      await rateLimits.count('tokenFromIp', by.ipAddress);
      const now = new Date(clock.now());
      const token = await findPersonToken(db, 'EMAIL_CHANGE', text, now);
      if (!token || token.newEmail === null) return err(INVALID_TOKEN);
      const { userId, newEmail } = token;
      try {
        return await withTenant(db, { userId }, async (tx) => {
          const tokens = createPersonTokens(tx);
          const person = await personPolicyOf(tx, userId);
          if (!person || !(await tokens.use(token.id, now))) return err(INVALID_TOKEN);
          await createUserStore(tx).setEmail(userId, newEmail);
          // Mailed to the address before, which may be somebody else's by now.
          await tokens.useAll(userId, 'PASSWORD_RESET', now);
          const { email, displayName } = person.user;
          await queueMail(tx, { to: email, mail: { kind: 'emailChanged', displayName, newEmail } });
          await recordAudit(tx, by, {
            organizationId: person.organizationIds[0] ?? null,
            action: 'auth.email.change',
            target: { type: 'user', id: userId },
            metadata: { before: email, after: newEmail },
          });
          return ok(newEmail);
        });
      } catch (thrown) {
        if (isUniqueViolation(thrown)) return err(EMAIL_TAKEN);
        throw thrown;
      }
    },
  };
}
