import { auditedBySystem, recordAudit } from '@weir/graphql/audit';
import { newUuid, type Uuid } from '@weir/kernel/ids';
import { err, ok, type Result } from '@weir/kernel/result';
import { withTenant, type Transaction } from '@weir/prisma/tenant';
import type { BootstrapContext } from '../bootstrap.ts';
import { createUserStore } from '../modules/users/user-store.ts';
import { normalizeEmail } from '../modules/users/user.ts';

export interface SystemAdminCreation {
  readonly email: string;
  readonly password: string;
  readonly displayName: string;
}

export interface CreatedSystemAdmin {
  readonly userId: Uuid;
  /** False when somebody had the address already: they are a system administrator now and keep their password. */
  readonly isNew: boolean;
}

const record = (tx: Transaction, userId: Uuid, email: string): Promise<void> =>
  recordAudit(tx, auditedBySystem, {
    organizationId: null,
    action: 'platform.admin.create',
    target: { type: 'user', id: userId, name: email },
  });

/** A person who may do everything on the platform, and nothing inside an organization by that alone. */
export async function createSystemAdmin(
  { db, clock, passwords }: BootstrapContext,
  { email: address, password, displayName }: SystemAdminCreation,
): Promise<Result<CreatedSystemAdmin, 'INVALID_EMAIL'>> {
  const email = normalizeEmail(address);
  if (email === undefined) return err('INVALID_EMAIL');
  const platformRole = 'SYSTEM_ADMIN';
  const existing = await withTenant(db, { credential: email }, (tx) => createUserStore(tx).byEmail(email));
  if (existing) {
    await withTenant(db, { userId: existing.id }, async (tx) => {
      await createUserStore(tx).setPlatformRole(existing.id, platformRole);
      await record(tx, existing.id, email);
    });
    return ok({ userId: existing.id, isNew: false });
  }
  const userId = newUuid(clock.now());
  // Hashing takes longer than a transaction should last.
  const passwordHash = await passwords.hash(password);
  await withTenant(db, { userId }, async (tx) => {
    await createUserStore(tx).insert({ id: userId, email, displayName, passwordHash, platformRole });
    await record(tx, userId, email);
  });
  return ok({ userId, isNew: true });
}
