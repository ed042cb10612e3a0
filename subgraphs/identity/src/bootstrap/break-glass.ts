import { auditedBySystem, recordAudit } from '@weir/graphql/audit';
import type { Uuid } from '@weir/kernel/ids';
import { err, ok, type Result } from '@weir/kernel/result';
import { withTenant, type Transaction } from '@weir/prisma/tenant';
import type { BootstrapContext } from '../bootstrap.ts';
import { createUserStore } from '../modules/users/user-store.ts';
import { normalizeEmail, type User } from '../modules/users/user.ts';
import { hashOfRecoveryToken } from './recovery-tokens.ts';

export interface BreakGlass {
  /** Of a system administrator. */
  readonly email: string;
  /** Of two keepers: each of them approves with the one that they were given. */
  readonly tokens: readonly string[];
  /** Why, for the audit trail. */
  readonly reason: string;
  /** The new password, which opens until the time is over or another one is chosen. */
  readonly password: string;
  readonly validMinutes: number;
}

export interface BrokenGlass {
  readonly until: Date;
  readonly keepers: readonly string[];
  readonly endedSessions: number;
  readonly removedFactors: number;
  readonly revokedApiKeys: number;
}

/**
 * NO_ADMIN: nobody who administers the platform has this address. NOT_APPROVED: the tokens are not two that work, of two
 * keepers; which of them does not is nobody's to learn.
 */
export type BreakGlassProblem = 'NO_ADMIN' | 'NOT_APPROVED';

const APPROVALS = 2;

/** The keepers whose tokens these are, each of which works no more from now on. Undefined when they are too few. */
async function spend(
  tx: Transaction,
  tokens: readonly string[],
  at: Date,
): Promise<readonly string[] | undefined> {
  const hashes = tokens.map(hashOfRecoveryToken);
  const found = await tx.recoveryToken.findMany({
    where: { tokenHash: { in: hashes }, usedAt: null, expiresAt: { gt: at } },
  });
  const keepers = [...new Set(found.map(({ keeper }) => keeper))].sort();
  if (keepers.length < APPROVALS || found.length !== tokens.length) return undefined;
  const { count } = await tx.recoveryToken.updateMany({
    where: { id: { in: found.map(({ id }) => id) }, usedAt: null },
    data: { usedAt: at },
  });
  return count === found.length ? keepers : undefined;
}

async function invalidate(tx: Transaction, userId: Uuid, at: Date) {
  const [gone] = await tx.$queryRaw<{ sessions: number; factors: number; api_keys: number }[]>`
    select * from identity.invalidate_credentials(${userId}::uuid, ${at})`;
  if (!gone) throw new Error('invalidation always answers');
  return { endedSessions: gone.sessions, removedFactors: gone.factors, revokedApiKeys: gone.api_keys };
}

/** The platform's trail, and that of every organization of the person, whose keys were revoked with the rest. */
async function record(
  tx: Transaction,
  user: User,
  metadata: Readonly<Record<string, unknown>>,
): Promise<void> {
  const memberships = await createUserStore(tx).membershipsOfAll([user.id]);
  for (const organizationId of [...memberships.map((membership) => membership.organizationId), null]) {
    await recordAudit(tx, auditedBySystem, {
      organizationId,
      action: 'break_glass_action',
      target: { type: 'user', id: user.id, name: user.email },
      metadata,
    });
  }
}

/**
 * The way back in for a system administrator when nobody can sign in any more. Everything that opened before opens no
 * longer: password, sessions, second factors, passkeys and the API keys that they made.
 */
export async function breakGlass(
  { db, clock, passwords }: BootstrapContext,
  { email: address, tokens, reason, password, validMinutes }: BreakGlass,
): Promise<Result<BrokenGlass, BreakGlassProblem>> {
  const email = normalizeEmail(address);
  const user =
    email === undefined
      ? undefined
      : await withTenant(db, { credential: email }, (tx) => createUserStore(tx).byEmail(email));
  if (user?.platformRole !== 'SYSTEM_ADMIN') return err('NO_ADMIN');
  const passwordHash = await passwords.hash(password);
  return withTenant(db, { userId: user.id }, async (tx): Promise<Result<BrokenGlass, BreakGlassProblem>> => {
    const at = new Date(clock.now());
    const keepers = await spend(tx, tokens, at);
    if (!keepers) return err('NOT_APPROVED');
    const until = new Date(at.getTime() + validMinutes * 60_000);
    await tx.user.updateMany({
      where: { id: user.id },
      data: { passwordHash, breakGlassUntil: until, status: 'ACTIVE' },
    });
    const gone = await invalidate(tx, user.id, at);
    await record(tx, user, { ...gone, breakGlass: true, keepers, reason, until });
    return ok({ ...gone, keepers, until });
  });
}
