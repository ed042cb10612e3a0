import type { InternalIdentity } from '@weir/contracts/internal-identity';
import { recordAudit } from '@weir/graphql/audit';
import { userError } from '@weir/graphql/user-errors';
import { newUuid, type Uuid } from '@weir/kernel/ids';
import { err, ok, type Result } from '@weir/kernel/result';
import { withTenant } from '@weir/prisma/tenant';
import { isUniqueViolation } from '../../unique-violation.ts';
import { foundOrganization } from '../organizations/found-organization.ts';
import { isSlugTaken, parseSlug, SLUG_RULE } from '../organizations/slug.ts';
import { checkNewPassword } from '../passwords/new-password.ts';
import { createUserStore } from '../users/user-store.ts';
import { createAddressProofStore } from './address-proof-store.ts';
import { hashOfProofToken, type FoundingPlan } from './address-proof.ts';
import type { SignUpDeps } from './sign-up-deps.ts';
import type { SignUpProblem } from './sign-up-rules.ts';

export interface Verification {
  readonly token: string;
  /** For who takes an organization over; who signed up has chosen one. */
  readonly password?: string | undefined;
  /** Instead of the one that was chosen, should somebody have taken it meanwhile. */
  readonly slug?: string | undefined;
}

/** The address, with which one signs in from now on. */
type Outcome = Result<string, readonly SignUpProblem[]>;

const INVALID = userError('INVALID_TOKEN', 'This link has expired or was used before. Ask for another mail.', 'token'); // prettier-ignore
const INVALID_SLUG = userError('INVALID_SLUG', SLUG_RULE, 'slug');
const SLUG_TAKEN = userError('SLUG_TAKEN', 'Somebody has taken the slug meanwhile: choose another.', 'slug');
const PASSWORD_REQUIRED = userError('PASSWORD_REQUIRED', 'Choose a password.', 'password');

/** What the reader of an address does with the token that was mailed there. It works once. */
export function createEmailVerification({ db, clock, masterKey, passwords }: SignUpDeps) {
  async function found(by: InternalIdentity, tokenHash: Buffer, chosenSlug?: string): Promise<Outcome> {
    const nowMs = clock.now();
    const [organizationId, rootAccountId, userId] = [newUuid(nowMs), newUuid(nowMs), newUuid(nowMs)];
    const scope = { organizationId, userId, credential: tokenHash.toString('hex') };
    return withTenant(db, scope, async (tx): Promise<Outcome> => {
      const proofs = createAddressProofStore(tx);
      const proof = await proofs.take(tokenHash, new Date(nowMs));
      if (!proof?.founding) return err([INVALID]);
      const { email, displayName, organizationName: name } = proof;
      const { passwordHash, timeZone, slug }: FoundingPlan = { ...proof.founding, ...(chosenSlug === undefined ? {} : { slug: chosenSlug }) }; // prettier-ignore
      if (await isSlugTaken(tx, slug)) return err([SLUG_TAKEN]);
      const founding = { organizationId, rootAccountId, name, slug, timeZone, planTier: 'STARTER' } as const;
      await foundOrganization(tx, founding, masterKey);
      const users = createUserStore(tx);
      await users.insert({ id: userId, email, displayName, passwordHash });
      await users.insertMembership({ id: newUuid(nowMs), organizationId, userId, role: 'OWNER' });
      await proofs.remove(proof.id);
      await recordAudit(tx, by, {
        organizationId,
        action: 'org.create',
        target: { type: 'organization', id: organizationId, name: slug },
        metadata: { origin: 'sign-up', owner: email },
      });
      return ok(email);
    });
  }

  async function takeOver(
    by: InternalIdentity,
    tokenHash: Buffer,
    userId: Uuid,
    password: string,
  ): Promise<Outcome> {
    // Hashing takes longer than a transaction should last.
    const passwordHash = await passwords.hash(password);
    const scope = { userId, credential: tokenHash.toString('hex') };
    return withTenant(db, scope, async (tx): Promise<Outcome> => {
      const proofs = createAddressProofStore(tx);
      const proof = await proofs.take(tokenHash, new Date(clock.now()));
      if (proof?.userId !== userId) return err([INVALID]);
      const users = createUserStore(tx);
      await users.activate(userId, passwordHash);
      await proofs.remove(proof.id);
      const memberships = await users.membershipsOfAll([userId]);
      await recordAudit(tx, by, {
        organizationId: memberships[0]?.organizationId ?? null,
        action: 'auth.activate',
        target: { type: 'user', id: userId, name: proof.email },
      });
      return ok(proof.email);
    });
  }

  return async function verify(by: InternalIdentity, verification: Verification): Promise<Outcome> {
    const tokenHash = hashOfProofToken(verification.token);
    const proof = await withTenant(db, { credential: tokenHash.toString('hex') }, (tx) =>
      createAddressProofStore(tx).take(tokenHash, new Date(clock.now())),
    );
    if (!proof) return err([INVALID]);
    const { userId } = proof;
    if (userId !== null) {
      const { password } = verification;
      if (password === undefined) return err([PASSWORD_REQUIRED]);
      const weakness = await checkNewPassword(password, [
        proof.email,
        proof.displayName,
        proof.organizationName,
      ]);
      if (weakness !== undefined) return err([userError('WEAK_PASSWORD', weakness, 'password')]);
      return takeOver(by, tokenHash, userId, password);
    }
    const slug = verification.slug === undefined ? undefined : parseSlug(verification.slug);
    if (verification.slug !== undefined && slug === undefined) return err([INVALID_SLUG]);
    try {
      return await found(by, tokenHash, slug);
    } catch (thrown) {
      // Two sign-ups of one address: the other one was proven first.
      if (isUniqueViolation(thrown)) return err([INVALID]);
      throw thrown;
    }
  };
}
