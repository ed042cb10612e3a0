import { auditedBySystem, recordAudit } from '@weir/graphql/audit';
import { newUuid, type Uuid } from '@weir/kernel/ids';
import { err, ok, type Result } from '@weir/kernel/result';
import { isUniqueViolation } from '../unique-violation.ts';
import { withTenant } from '@weir/prisma/tenant';
import type { BootstrapContext } from '../bootstrap.ts';
import { createAccountStore } from '../modules/accounts/account-store.ts';
import { foundOrganization } from '../modules/organizations/found-organization.ts';
import { createUserStore } from '../modules/users/user-store.ts';
import { normalizeEmail } from '../modules/users/user.ts';

export interface OrganizationCreation {
  readonly name: string;
  /** Lower-case letters, digits and inner hyphens, at most 63. */
  readonly slug: string;
  /** An IANA name. */
  readonly timeZone: string;
  readonly owner: { readonly email: string; readonly password: string; readonly displayName: string };
}

export interface CreatedOrganization {
  readonly organizationId: Uuid;
  readonly rootAccountId: Uuid;
  readonly userId: Uuid;
}

/** INVALID_EMAIL: no address. TAKEN: another organization has the slug, or somebody the address. */
export type OrganizationProblem = 'INVALID_EMAIL' | 'TAKEN';

export async function createOrganization(
  { db, clock, masterKey, passwords }: BootstrapContext,
  { name, slug, timeZone, owner }: OrganizationCreation,
): Promise<Result<CreatedOrganization, OrganizationProblem>> {
  const email = normalizeEmail(owner.email);
  if (email === undefined) return err('INVALID_EMAIL');
  const nowMs = clock.now();
  const [organizationId, rootAccountId, userId] = [newUuid(nowMs), newUuid(nowMs), newUuid(nowMs)];
  // Hashing takes longer than a transaction should last.
  const passwordHash = await passwords.hash(owner.password);
  // No plan limits what the operator of the platform sets up.
  const founding = { organizationId, rootAccountId, name, slug, timeZone, planTier: 'ENTERPRISE' } as const;
  try {
    await withTenant(db, { organizationId, userId }, async (tx) => {
      const users = createUserStore(tx);
      await foundOrganization(tx, founding, masterKey);
      await users.insert({ id: userId, email, displayName: owner.displayName, passwordHash });
      await users.insertMembership({ id: newUuid(nowMs), organizationId, userId, role: 'OWNER' });
      await recordAudit(tx, auditedBySystem, {
        organizationId,
        action: 'org.create',
        target: { type: 'organization', id: organizationId, name: slug },
        metadata: { origin: 'bootstrap', owner: email },
      });
    });
  } catch (thrown) {
    if (isUniqueViolation(thrown)) return err('TAKEN');
    throw thrown;
  }
  return ok({ organizationId, rootAccountId, userId });
}

/** The oldest organization of the person with this address. */
export async function findOrganization(
  { db }: BootstrapContext,
  address: string,
): Promise<CreatedOrganization | undefined> {
  const email = normalizeEmail(address);
  if (email === undefined) return undefined;
  const user = await withTenant(db, { credential: email }, (tx) => createUserStore(tx).byEmail(email));
  if (!user) return undefined;
  const [membership] = await withTenant(db, { userId: user.id }, (tx) =>
    createUserStore(tx).membershipsOfAll([user.id]),
  );
  if (!membership) return undefined;
  const { organizationId } = membership;
  const root = await withTenant(db, { organizationId }, (tx) =>
    createAccountStore(tx).rootOf(organizationId),
  );
  return root && { organizationId, rootAccountId: root.id, userId: user.id };
}
