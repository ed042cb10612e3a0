import type { Clock } from '@weir/kernel/clock';
import type { Uuid } from '@weir/kernel/ids';
import type { Transaction } from '@weir/prisma/tenant';
import { openSecret, type MasterKey } from '@weir/service/vault';
import type { SecondFactorMethod } from '../../generated/resolvers-types.ts';
import type {
  PasskeyAssertion,
  PasskeyAssertions,
  PasskeyChallenge,
} from '../passkeys/passkey-assertions.ts';
import { createPasskeyStore } from '../passkeys/passkey-store.ts';
import { hashOfRecoveryCode } from './recovery-code.ts';
import { createSecondFactorStore, type TotpFactor } from './second-factor-store.ts';
import { isTotpCode, stepOfCode } from './totp.ts';

/** What became of the second factor that somebody showed beside the first. */
export type SecondFactorVerdict = 'notEnrolled' | 'missing' | 'wrong' | 'ok';

/** Proves that somebody has what a person enrolled. Counting failures is up to the caller, who knows the address. */
export interface SecondFactors {
  /**
   * Looks at the answer of a passkey, else at the code of an authenticator app or a recovery code. Whatever was right is
   * thereby used up.
   * @param tx Sees the person's own rows; commit it whatever the verdict.
   */
  verify(
    tx: Transaction,
    userId: Uuid,
    otp: string | null | undefined,
    passkey?: PasskeyAssertion | null,
  ): Promise<SecondFactorVerdict>;
  /** What the person could show now; empty for a person who has enrolled nothing. */
  methodsOf(tx: Transaction, userId: Uuid): Promise<readonly SecondFactorMethod[]>;
  /** What a passkey of the person is to answer; undefined for a person without passkeys. */
  challengePasskey(tx: Transaction, userId: Uuid): Promise<PasskeyChallenge | undefined>;
}

export interface TotpDeps {
  readonly masterKey: MasterKey;
  readonly clock: Clock;
}

export interface SecondFactorsDeps extends TotpDeps {
  readonly passkeys: PasskeyAssertions;
}

/** What binds a sealed secret to its place. */
export const totpBinding = (userId: Uuid, version: number): string => `totp:${userId}:${version}`;

/** The time step of a code for the person's secret; undefined when it is not of now. */
export function stepOfFactor(
  { sealed }: TotpFactor,
  userId: Uuid,
  code: string,
  { masterKey, clock }: TotpDeps,
): number | undefined {
  const secret = openSecret(sealed, masterKey, totpBinding(userId, sealed.version));
  try {
    return stepOfCode(secret.toString(), code, clock.now());
  } finally {
    secret.fill(0);
  }
}

export function createSecondFactors(deps: SecondFactorsDeps): SecondFactors {
  const { clock, passkeys } = deps;

  async function methodsOf(tx: Transaction, userId: Uuid): Promise<readonly SecondFactorMethod[]> {
    const store = createSecondFactorStore(tx);
    const methods: SecondFactorMethod[] = [];
    if ((await store.totpOf(userId))?.confirmedAt) methods.push('TOTP');
    if ((await createPasskeyStore(tx).countOf(userId)) > 0) methods.push('PASSKEY');
    if (methods.length > 0 && (await store.countRecoveryCodes(userId)) > 0) methods.push('RECOVERY_CODE');
    return methods;
  }

  async function isRight(tx: Transaction, userId: Uuid, code: string): Promise<boolean> {
    const store = createSecondFactorStore(tx);
    if (isTotpCode(code)) {
      const totp = await store.totpOf(userId);
      const step = totp?.confirmedAt ? stepOfFactor(totp, userId, code, deps) : undefined;
      return totp !== undefined && step !== undefined && store.spendStep(userId, totp.sealed.version, step);
    }
    const hash = hashOfRecoveryCode(userId, code);
    return hash !== undefined && store.spendRecoveryCode(userId, hash, new Date(clock.now()));
  }

  async function isAnswered(tx: Transaction, userId: Uuid, assertion: PasskeyAssertion): Promise<boolean> {
    const credentialId = Buffer.from(assertion.credential.id, 'base64url');
    const passkey = await createPasskeyStore(tx).byCredential(credentialId);
    return passkey?.userId === userId && passkeys.verify(tx, passkey, assertion, 'passkeySecondFactor');
  }

  return {
    methodsOf,
    challengePasskey: (tx, userId) => passkeys.challenge(tx, userId),
    async verify(tx, userId, otp, assertion) {
      if ((await methodsOf(tx, userId)).length === 0) return 'notEnrolled';
      if (assertion) return (await isAnswered(tx, userId, assertion)) ? 'ok' : 'wrong';
      const code = otp?.replaceAll(/\s/g, '') ?? '';
      if (code === '') return 'missing';
      return (await isRight(tx, userId, code)) ? 'ok' : 'wrong';
    },
  };
}
