import type { AuditAction } from '@weir/contracts/audit';
import type { InternalIdentity } from '@weir/contracts/internal-identity';
import { recordAudit } from '@weir/graphql/audit';
import { newUuid, type Uuid } from '@weir/kernel/ids';
import type { Transaction } from '@weir/prisma/tenant';
import { createOrganizationChangeStore } from './organization-change-store.ts';
import { actorOfChange, type ChangeKind } from './organization-change.ts';
import { fieldChanges, type Changeable } from './organization-fields.ts';
import { createOrganizationStore } from './organization-store.ts';
import type { Organization } from './organization.ts';

export interface ChangeOrder {
  /** As it is now, locked. */
  readonly current: Organization;
  readonly next: Partial<Changeable>;
  readonly kind: ChangeKind;
  readonly action: AuditAction;
  readonly reason?: string;
  /** The change that this one takes back. */
  readonly revertsId?: Uuid;
  readonly nowMs: number;
}

/**
 * Writes what has another value than before, with its history and its audit, in a transaction that sees the
 * organization. Returns the organization as it is now; what changes nothing leaves no trace and no new version.
 */
export async function changeOrganization(
  tx: Transaction,
  by: InternalIdentity,
  { current, next, kind, action, reason, revertsId, nowMs }: ChangeOrder,
): Promise<Organization> {
  const { fields, before, after } = fieldChanges(current, next);
  if (fields.length === 0) return current;
  const { id } = current;
  const store = createOrganizationStore(tx);
  await store.update(id, next);
  await createOrganizationChangeStore(tx).insert({
    id: newUuid(nowMs),
    organizationId: id,
    kind,
    ...actorOfChange(by, id),
    fields,
    before,
    after,
    version: current.version + 1,
    revertsId: revertsId ?? null,
    createdAt: new Date(nowMs),
  });
  await recordAudit(tx, by, {
    organizationId: id,
    action,
    target: { type: 'organization', id, name: current.name },
    metadata: {
      ...Object.fromEntries(fields.map((name) => [name, { from: before[name], to: after[name] }])),
      ...(reason === undefined ? {} : { reason }),
    },
  });
  const [organization] = await store.byIds([id]);
  if (!organization) throw new Error('an organization that has just been changed is gone');
  return organization;
}
