import type { Clock } from '@weir/kernel/clock';
import type { Uuid } from '@weir/kernel/ids';
import type { Transaction } from '@weir/prisma/tenant';
import { openSecret, type MasterKey } from '@weir/service/vault';
import type { SecondFactorMethod } from '../../generated/resolvers-types.ts';
import { hashOfRecoveryCode } from './recovery-code.ts';
import { createSecondFactorStore, type TotpFactor } from './second-factor-store.ts';
import { isTotpCode, stepOfCode } from './totp.ts';

/** What became of the second factor that somebody showed beside the first. */
export type SecondFactorVerdict = 'notEnrolled' | 'missing' | 'wrong' | 'ok';

/** Proves that somebody has what a person enrolled. Counting failures is up to the caller, who knows the address. */
export interface SecondFactors {
  /**
   * Looks at the code of an authenticator app or at a recovery code, which is thereby used up.
   * @param tx Sees the person's own rows; commit it whatever the verdict.
   */
  verify(tx: Transaction, userId: Uuid, otp: string | null | undefined): Promise<SecondFactorVerdict>;
  /** What the person could show now; empty for a person who has enrolled nothing. */
  methodsOf(tx: Transaction, userId: Uuid): Promise<readonly SecondFactorMethod[]>;
}

export interface SecondFactorsDeps {
  readonly masterKey: MasterKey;
  readonly clock: Clock;
}

/** What binds a sealed secret to its place. */
export const totpBinding = (userId: Uuid, version: number): string => `totp:${userId}:${version}`;

/** The time step of a code for the person's secret; undefined when it is not of now. */
export function stepOfFactor(
  { sealed }: TotpFactor,
  userId: Uuid,
  code: string,
  { masterKey, clock }: SecondFactorsDeps,
): number | undefined {
  const secret = openSecret(sealed, masterKey, totpBinding(userId, sealed.version));
  try {
    return stepOfCode(secret.toString(), code, clock.now());
  } finally {
    secret.fill(0);
  }
}

export function createSecondFactors(deps: SecondFactorsDeps): SecondFactors {
  const { clock } = deps;

  async function methodsOf(tx: Transaction, userId: Uuid): Promise<readonly SecondFactorMethod[]> {
    const store = createSecondFactorStore(tx);
    const totp = await store.totpOf(userId);
    if (!totp?.confirmedAt) return [];
    const codes = await store.countRecoveryCodes(userId);
    return codes > 0 ? ['TOTP', 'RECOVERY_CODE'] : ['TOTP'];
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

  return {
    methodsOf,
    async verify(tx, userId, otp) {
      if ((await methodsOf(tx, userId)).length === 0) return 'notEnrolled';
      const code = otp?.replaceAll(/\s/g, '') ?? '';
      if (code === '') return 'missing';
      return (await isRight(tx, userId, code)) ? 'ok' : 'wrong';
    },
  };
}
