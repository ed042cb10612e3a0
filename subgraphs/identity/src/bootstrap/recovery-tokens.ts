import { createHash, randomBytes } from 'node:crypto';
import { auditedBySystem, recordAudit } from '@weir/graphql/audit';
import { newUuid } from '@weir/kernel/ids';
import type { BootstrapContext } from '../bootstrap.ts';

export interface NewRecoveryToken {
  readonly keeper: string;
  /** Shown once and kept as its hash. */
  readonly token: string;
  readonly expiresAt: Date;
}

const LIFE_MS = 365 * 86_400_000;

export function hashOfRecoveryToken(token: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(createHash('sha256').update(token.trim()).digest());
}

/** One for each keeper, in place of the one that they had. Two keepers together open the way back in (`breakGlass`). */
export async function createRecoveryTokens(
  { db, clock }: BootstrapContext,
  keepers: readonly string[],
): Promise<readonly NewRecoveryToken[]> {
  const nowMs = clock.now();
  const expiresAt = new Date(nowMs + LIFE_MS);
  const tokens = keepers.map((keeper) => ({
    keeper,
    token: `weir-recovery-${randomBytes(32).toString('base64url')}`,
    expiresAt,
  }));
  await db.$transaction(async (tx) => {
    await tx.recoveryToken.deleteMany({ where: { keeper: { in: [...keepers] }, usedAt: null } });
    await tx.recoveryToken.createMany({
      data: tokens.map(({ keeper, token }) => ({
        id: newUuid(nowMs),
        keeper,
        tokenHash: hashOfRecoveryToken(token),
        createdAt: new Date(nowMs),
        expiresAt,
      })),
    });
    await recordAudit(tx, auditedBySystem, {
      organizationId: null,
      action: 'platform.recovery_tokens.create',
      target: { type: 'platform', id: null },
      metadata: { keepers, expiresAt },
    });
  });
  return tokens;
}
