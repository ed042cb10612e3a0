import type { SealedSecret } from '@weir/contracts/policy-snapshot';
import type { Uuid } from '@weir/kernel/ids';
import type { Db } from '@weir/prisma/database';

/** What a person's authenticator app shares with us. */
export interface TotpFactor {
  readonly sealed: SealedSecret;
  /** Null until the person has shown a code. */
  readonly confirmedAt: Date | null;
}

/** How many authenticator apps and passkeys went, and how many sessions with them. */
export interface FactorReset {
  readonly factors: number;
  readonly sessions: number;
}

/** Within transactions that see the person's own rows. */
export function createSecondFactorStore(db: Db) {
  return {
    async totpOf(userId: Uuid): Promise<TotpFactor | undefined> {
      const row = await db.totpFactor.findUnique({
        where: { userId },
        select: { ciphertext: true, nonce: true, version: true, confirmedAt: true },
      });
      if (!row) return undefined;
      const { confirmedAt, ...sealed } = row;
      return { sealed, confirmedAt };
    },

    /** Takes the place of a secret that was never confirmed. False when one was confirmed meanwhile. */
    async putUnconfirmed(userId: Uuid, sealed: SealedSecret): Promise<boolean> {
      const rows = await db.$queryRaw<object[]>`
        insert into identity.totp_factors as factor (user_id, ciphertext, nonce, version)
        values (${userId}::uuid, ${sealed.ciphertext}, ${sealed.nonce}, ${sealed.version})
        on conflict (user_id) do update
        set ciphertext = excluded.ciphertext, nonce = excluded.nonce, version = excluded.version, last_step = 0
        where factor.confirmed_at is null
        returning 1`;
      return rows.length === 1;
    },

    /** False when it is confirmed already, or its secret was replaced. */
    async confirm(userId: Uuid, version: number, step: number, at: Date): Promise<boolean> {
      const { count } = await db.totpFactor.updateMany({
        where: { userId, version, confirmedAt: null },
        data: { confirmedAt: at, lastStep: step },
      });
      return count === 1;
    },

    /** Uses a time step up; false when a code of it, or of a later one, was accepted before. */
    async spendStep(userId: Uuid, version: number, step: number): Promise<boolean> {
      const { count } = await db.totpFactor.updateMany({
        where: { userId, version, confirmedAt: { not: null }, lastStep: { lt: step } },
        data: { lastStep: step },
      });
      return count === 1;
    },

    /** Returns whether there was one. */
    async removeTotp(userId: Uuid): Promise<boolean> {
      const { count } = await db.totpFactor.deleteMany({ where: { userId } });
      return count === 1;
    },

    async replaceRecoveryCodes(userId: Uuid, hashes: readonly Uint8Array<ArrayBuffer>[]): Promise<void> {
      await db.recoveryCode.deleteMany({ where: { userId } });
      await db.recoveryCode.createMany({ data: hashes.map((codeHash) => ({ userId, codeHash })) });
    },

    /** False when there is no such code, or it was used. */
    async spendRecoveryCode(userId: Uuid, codeHash: Uint8Array<ArrayBuffer>, at: Date): Promise<boolean> {
      const { count } = await db.recoveryCode.updateMany({
        where: { userId, codeHash, usedAt: null },
        data: { usedAt: at },
      });
      return count === 1;
    },

    countRecoveryCodes: (userId: Uuid): Promise<number> =>
      db.recoveryCode.count({ where: { userId, usedAt: null } }),

    async removeRecoveryCodes(userId: Uuid): Promise<void> {
      await db.recoveryCode.deleteMany({ where: { userId } });
    },

    /**
     * Removes all factors and ends all sessions of a member of the transaction's organization. Undefined, and nothing
     * changed, for a person who is not a member of this organization alone, or who has a role on the platform.
     */
    async resetOfMember(userId: Uuid, at: Date): Promise<FactorReset | undefined> {
      const [row] = await db.$queryRaw<(FactorReset & { readonly isReset: boolean })[]>`
        select is_reset as "isReset", factors, sessions from identity.reset_second_factors(${userId}::uuid, ${at})`;
      return row?.isReset ? { factors: row.factors, sessions: row.sessions } : undefined;
    },
  };
}
