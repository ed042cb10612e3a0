import type { InternalIdentity } from '@weir/contracts/internal-identity';
import { recordAudit } from '@weir/graphql/audit';
import { userError } from '@weir/graphql/user-errors';
import { newUuid } from '@weir/kernel/ids';
import { err, ok, type Result } from '@weir/kernel/result';
import { withTenant } from '@weir/prisma/tenant';
import { isSlugTaken } from '../organizations/slug.ts';
import { createUserStore } from '../users/user-store.ts';
import { normalizeEmail } from '../users/user.ts';
import { createAddressProofStore } from './address-proof-store.ts';
import { SIGN_UP_LIFE_MS, TAKE_OVER_LIFE_MS } from './address-proof.ts';
import { createEmailVerification, type Verification } from './email-verification.ts';
import { askForProof, askForProofAgain } from './mail-proof.ts';
import type { SignUpDeps } from './sign-up-deps.ts';
import { checkSignUp, type SignUpInput, type SignUpProblem } from './sign-up-rules.ts';

/** Answers the address in its one spelling, whether or not somebody has it. */
type Outcome = Promise<Result<string, readonly SignUpProblem[]>>;

export interface SignUpService {
  /** Sends a mail to the address. @throws AppError RATE_LIMITED. */
  signUp(by: InternalIdentity, input: SignUpInput): Outcome;
  /** Sends the mail of an address that waits for its proof again. @throws AppError RATE_LIMITED. */
  resend(by: InternalIdentity, email: string): Outcome;
  /** @throws AppError RATE_LIMITED. */
  verify(by: InternalIdentity, verification: Verification): Outcome;
}

const INVALID_EMAIL = userError('INVALID_EMAIL', 'This is no e-mail address.', 'email');
const SLUG_TAKEN = userError('SLUG_TAKEN', 'Another organization has this slug: choose another.', 'slug');

export function createSignUpService(deps: SignUpDeps): SignUpService {
  const { db, clock, passwords, queueMail, rateLimits } = deps;
  const verify = createEmailVerification(deps);

  async function countMail({ ipAddress }: InternalIdentity, email: string): Promise<void> {
    await rateLimits.count('mailFromIp', ipAddress);
    await rateLimits.count('mailToAddress', email);
  }

  return {
    async signUp(by, input) {
      const checked = await checkSignUp(input);
      if (!checked.ok) return checked;
      const { email, password, displayName, organizationName, slug, timeZone } = checked.value;
      await countMail(by, email);
      // Hashed for everybody, so that the time it takes tells nothing either.
      const passwordHash = await passwords.hash(password);
      const nowMs = clock.now();
      return withTenant(db, { credential: email }, async (tx) => {
        if (await isSlugTaken(tx, slug)) return err([SLUG_TAKEN]);
        const existing = await createUserStore(tx).byEmail(email);
        if (existing) {
          const mail = { kind: 'addressTaken', displayName: existing.displayName } as const;
          await queueMail(tx, { to: email, mail });
        } else {
          const expiresAt = new Date(nowMs + SIGN_UP_LIFE_MS);
          const founding = { passwordHash, slug, timeZone };
          const proof = { id: newUuid(nowMs), email, displayName, organizationName, founding, userId: null, expiresAt }; // prettier-ignore
          await askForProof(queueMail, tx, proof, new Date(nowMs));
        }
        await recordAudit(tx, by, {
          organizationId: null,
          action: 'auth.sign_up',
          target: { type: 'platform', id: null, name: email },
          metadata: { slug },
        });
        return ok(email);
      });
    },

    async resend(by, address) {
      const email = normalizeEmail(address);
      if (email === undefined) return err([INVALID_EMAIL]);
      await countMail(by, email);
      const nowMs = clock.now();
      await withTenant(db, { credential: email }, async (tx) => {
        const proof = await createAddressProofStore(tx).latestOf(email, new Date(nowMs));
        if (proof) {
          const lifeMs = proof.founding ? SIGN_UP_LIFE_MS : TAKE_OVER_LIFE_MS;
          await askForProofAgain(queueMail, tx, { ...proof, expiresAt: new Date(nowMs + lifeMs) });
        }
        await recordAudit(tx, by, {
          organizationId: null,
          action: 'auth.verification_resend',
          target: { type: 'platform', id: null, name: email },
        });
      });
      return ok(email);
    },

    async verify(by, verification) {
      await rateLimits.count('tokenFromIp', by.ipAddress);
      return verify(by, verification);
    },
  };
}
