import type { AuditAction } from '@weir/contracts/audit';
import type { InternalIdentity } from '@weir/contracts/internal-identity';
import { recordAudit } from '@weir/graphql/audit';
import { requireSignedIn } from '@weir/graphql/authorization';
import { userError, type UserErrorValue } from '@weir/graphql/user-errors';
import type { Uuid } from '@weir/kernel/ids';
import { err, ok, type Result } from '@weir/kernel/result';
import { withTenant, type Transaction } from '@weir/prisma/tenant';
import { sealSecret } from '@weir/service/vault';
import type { SecondFactorErrorCode, SecondFactorMethod } from '../../generated/resolvers-types.ts';
import type { QueueMail } from '../mail/queue-mail.ts';
import { createUserStore } from '../users/user-store.ts';
import { createProof, type ProofDeps, type ProofInput } from './proof.ts';
import { issueRecoveryCodes, removeUselessRecoveryCodes } from './recovery-code-issue.ts';
import { createSecondFactorStore } from './second-factor-store.ts';
import { stepOfFactor, totpBinding, type TotpDeps } from './second-factors.ts';
import { tellChange } from './tell-change.ts';
import { newTotpSecret, qrCodeOf, totpUri } from './totp.ts';

export interface TotpEnrollment {
  readonly secret: string;
  readonly uri: string;
  readonly qrCode: string;
}

/** What a person has enrolled. */
export interface EnrolledFactors {
  readonly methods: readonly SecondFactorMethod[];
  readonly totpEnrolledAt: Date | null;
  readonly recoveryCodesLeft: number;
}

type Outcome<T> = Promise<Result<T, UserErrorValue<SecondFactorErrorCode>>>;

/** What people do with their own second factors. Everything is refused to programs, which have none. */
export interface SecondFactorService {
  /** Null for whoever is no person. */
  ofViewer(identity: InternalIdentity): Promise<EnrolledFactors | null>;
  /** Shares a secret with an authenticator app; it asks for nothing until a code has been shown. */
  enrollTotp(identity: InternalIdentity): Outcome<TotpEnrollment>;
  /**
   * Asks for the second factor from now on. Returns the recovery codes, which nobody can read again; null for a person
   * who has some already.
   */
  confirmTotp(identity: InternalIdentity, code: string): Outcome<readonly string[] | null>;
  disableTotp(identity: InternalIdentity, proof: ProofInput): Outcome<true>;
  /** Makes ten new recovery codes; the former ones are worthless. */
  regenerateRecoveryCodes(identity: InternalIdentity, proof: ProofInput): Outcome<readonly string[]>;
}

export type SecondFactorServiceDeps = ProofDeps & TotpDeps & { readonly queueMail: QueueMail };

const NOT_A_PERSON = userError(
  'NOT_A_PERSON',
  'Only people have second factors; this request was made by a program.',
);
const ALREADY_ENROLLED = userError(
  'ALREADY_ENROLLED',
  'An authenticator app is enrolled already. Disable it first.',
);
const NOT_ENROLLED = userError('NOT_ENROLLED', 'No second factor is enrolled.');
const NOT_BEGUN = userError('NOT_ENROLLED', 'Begin with totpEnroll.');
const WRONG_CODE = userError(
  'INVALID_CODE',
  'The code is not the one that the app shows now. Check its clock.',
  'code',
);

export function createSecondFactorService(deps: SecondFactorServiceDeps): SecondFactorService {
  const { db, clock, masterKey, secondFactors, queueMail } = deps;
  const prove = createProof(deps);

  const personOf = (identity: InternalIdentity): Uuid | undefined => {
    const actor = requireSignedIn(identity);
    return actor.type === 'user' ? actor.userId : undefined;
  };

  const audit = (
    tx: Transaction,
    identity: InternalIdentity,
    action: AuditAction,
    userId: Uuid,
  ): Promise<void> =>
    recordAudit(tx, identity, {
      organizationId: identity.organizationId,
      action,
      target: { type: 'user', id: userId },
    });

  async function emailOf(userId: Uuid): Promise<string> {
    const person = await withTenant(db, { userId }, (tx) => createUserStore(tx).credentialsOf(userId));
    if (!person) throw new Error('a session without a person');
    return person.email;
  }

  return {
    async ofViewer({ actor }) {
      if (actor.type !== 'user') return null;
      const { userId } = actor;
      return withTenant(db, { userId }, async (tx) => {
        const store = createSecondFactorStore(tx);
        return {
          methods: await secondFactors.methodsOf(tx, userId),
          totpEnrolledAt: (await store.totpOf(userId))?.confirmedAt ?? null,
          recoveryCodesLeft: await store.countRecoveryCodes(userId),
        };
      });
    },

    async enrollTotp(identity) {
      const userId = personOf(identity);
      if (!userId) return err(NOT_A_PERSON);
      const email = await emailOf(userId);
      const secret = newTotpSecret();
      const isStored = await withTenant(db, { userId }, async (tx) => {
        const store = createSecondFactorStore(tx);
        const version = ((await store.totpOf(userId))?.sealed.version ?? 0) + 1;
        return store.putUnconfirmed(
          userId,
          sealSecret(secret, masterKey, totpBinding(userId, version), version),
        );
      });
      if (!isStored) return err(ALREADY_ENROLLED);
      const uri = totpUri(secret, email);
      return ok({ secret, uri, qrCode: qrCodeOf(uri) });
    },

    async confirmTotp(identity, code) {
      const userId = personOf(identity);
      if (!userId) return err(NOT_A_PERSON);
      return withTenant(db, { userId }, async (tx) => {
        const store = createSecondFactorStore(tx);
        const factor = await store.totpOf(userId);
        if (!factor) return err(NOT_BEGUN);
        if (factor.confirmedAt) return err(ALREADY_ENROLLED);
        const step = stepOfFactor(factor, userId, code.replaceAll(/\s/g, ''), deps);
        if (step === undefined) return err(WRONG_CODE);
        const isConfirmed = await store.confirm(userId, factor.sealed.version, step, new Date(clock.now()));
        if (!isConfirmed) return err(ALREADY_ENROLLED);
        const codes = await issueRecoveryCodes(tx, userId, 'unlessThere');
        await tellChange(queueMail, tx, userId, 'totpEnabled');
        await audit(tx, identity, 'mfa.totp.enroll', userId);
        return ok(codes);
      });
    },

    async disableTotp(identity, proof) {
      const userId = personOf(identity);
      if (!userId) return err(NOT_A_PERSON);
      const proven = await prove(userId, proof);
      if (!proven.ok) return proven;
      return withTenant(db, { userId }, async (tx) => {
        const store = createSecondFactorStore(tx);
        if (!(await store.removeTotp(userId))) return err(NOT_ENROLLED);
        await removeUselessRecoveryCodes(tx, userId);
        await tellChange(queueMail, tx, userId, 'totpDisabled');
        await audit(tx, identity, 'mfa.totp.disable', userId);
        return ok(true);
      });
    },

    async regenerateRecoveryCodes(identity, proof) {
      const userId = personOf(identity);
      if (!userId) return err(NOT_A_PERSON);
      const proven = await prove(userId, proof);
      if (!proven.ok) return proven;
      return withTenant(db, { userId }, async (tx) => {
        if ((await secondFactors.methodsOf(tx, userId)).length === 0) return err(NOT_ENROLLED);
        const codes = await issueRecoveryCodes(tx, userId, 'always');
        await tellChange(queueMail, tx, userId, 'recoveryCodesReplaced');
        await audit(tx, identity, 'mfa.recovery_codes.regenerate', userId);
        return ok(codes ?? []);
      });
    },
  };
}
