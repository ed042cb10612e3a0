import { authorize } from '@weir/graphql/authorization';
import { mayOnPlatform } from '@weir/graphql/platform-authorization';
import { userError } from '@weir/graphql/user-errors';
import type { Uuid } from '@weir/kernel/ids';
import { err, ok } from '@weir/kernel/result';
import { withTenant, type Transaction } from '@weir/prisma/tenant';
import type { ActorScope } from '../../actor-scope.ts';
import { createSessionStore } from '../sessions/session-store.ts';
import { changeOrganization } from './change-organization.ts';
import type { OrganizationDeps } from './organization-deps.ts';
import { lockedVersion, type OrganizationResult } from './organization-guard.ts';
import { parseReason } from './reason.ts';

export interface Deletion {
  readonly id: Uuid;
  /** Typed by who deletes it. */
  readonly confirmSlug: string;
  readonly reason?: string | undefined;
}

const NOT_CONFIRMED = userError(
  'NOT_CONFIRMED',
  'Type the slug of the organization to confirm.',
  'confirmSlug',
);
const INVOICES_OPEN = userError('INVOICES_OPEN', 'Settle the open invoices first, or cancel them.');
const DELETED = userError('DELETED', 'The organization was deleted already.');
const INVALID_REASON = userError('INVALID_REASON', 'Give a reason of at most 500 characters.', 'reason');

async function hasOpenInvoices(tx: Transaction, id: Uuid): Promise<boolean> {
  const [row] = await tx.$queryRaw<{ open: number }[]>`select billing.open_invoices(${id}::uuid) as open`;
  return (row?.open ?? 0) > 0;
}

export function createDeletion({ db, clock }: OrganizationDeps) {
  return async function deleteOrganization(
    scope: ActorScope,
    deletion: Deletion,
  ): Promise<OrganizationResult> {
    const { id, confirmSlug } = deletion;
    const { identity } = scope;
    if (!mayOnPlatform(identity, 'platformOrganization:delete')) {
      authorize(identity, 'organization:delete', { organizationId: id });
    }
    const reason = deletion.reason === undefined ? undefined : parseReason(deletion.reason);
    if (deletion.reason !== undefined && reason === undefined) return err([INVALID_REASON]);
    return withTenant(db, { organizationId: id }, async (tx): Promise<OrganizationResult> => {
      const locked = await lockedVersion(tx, { id });
      if (!locked.ok) return locked;
      const current = locked.value;
      if (current.deletedAt !== null) return err([DELETED]);
      if (confirmSlug.trim() !== current.slug) return err([NOT_CONFIRMED]);
      if (await hasOpenInvoices(tx, id)) return err([INVOICES_OPEN]);
      const nowMs = clock.now();
      const now = new Date(nowMs);
      await createSessionStore(tx).revokeAllIn(id, now);
      const organization = await changeOrganization(tx, identity, {
        current,
        next: { status: 'CLOSED', deletedAt: now },
        kind: 'DELETION',
        action: 'org.delete',
        ...(reason === undefined ? {} : { reason }),
        nowMs,
      });
      scope.loaders.organizations.clear(id);
      return ok(organization);
    });
  };
}
