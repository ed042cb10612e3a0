import type { Uuid } from '@weir/kernel/ids';
import type { Transaction } from '@weir/prisma/tenant';
import { createPasskeyStore } from '../passkeys/passkey-store.ts';
import { hashOfRecoveryCode, newRecoveryCodes } from './recovery-code.ts';
import { createSecondFactorStore } from './second-factor-store.ts';

/**
 * Ten new codes in place of the former ones, in a transaction that sees the person's own rows.
 * @param when `unlessThere` leaves unused codes as they are and answers null.
 */
export async function issueRecoveryCodes(
  tx: Transaction,
  userId: Uuid,
  when: 'always' | 'unlessThere',
): Promise<readonly string[] | null> {
  const store = createSecondFactorStore(tx);
  if (when === 'unlessThere' && (await store.countRecoveryCodes(userId)) > 0) return null;
  const codes = newRecoveryCodes();
  const hashes = codes.flatMap((code) => hashOfRecoveryCode(userId, code) ?? []);
  await store.replaceRecoveryCodes(userId, hashes);
  return codes;
}

/** Recovery codes stand in for other factors: with the last of these they go, too. */
export async function removeUselessRecoveryCodes(tx: Transaction, userId: Uuid): Promise<void> {
  const store = createSecondFactorStore(tx);
  const hasTotp = (await store.totpOf(userId))?.confirmedAt != null;
  if (hasTotp || (await createPasskeyStore(tx).countOf(userId)) > 0) return;
  await store.removeRecoveryCodes(userId);
}
