import { userError } from '@weir/graphql/user-errors';
import { AppError } from '@weir/kernel/errors';
import type { Uuid } from '@weir/kernel/ids';
import { err, ok, type Result } from '@weir/kernel/result';
import { withTenant } from '@weir/prisma/tenant';
import { tenantOf, type ActorScope } from '../../actor-scope.ts';
import { changeOrganization } from './change-organization.ts';
import { createOrganizationChangeStore } from './organization-change-store.ts';
import { REVERT_WITHIN_MS, type OrganizationChange } from './organization-change.ts';
import { authorizeWholeOrganization, lockedVersion, type OrganizationResult } from './organization-guard.ts';
import type { OrganizationDeps } from './organization-deps.ts';
import { canonicalJson, changeableOf, valueOf, type Changeable } from './organization-fields.ts';
import type { Organization } from './organization.ts';
import type { OrganizationProblem } from './profile-rules.ts';

export interface Revert {
  readonly organizationId: Uuid;
  readonly changeId: Uuid;
  readonly expectedVersion?: number | undefined;
}

const refusal = (message: string): OrganizationProblem => userError('NOT_REVERTIBLE', message, 'changeId');

/** What the organization would be without the change, or why it cannot be taken back. */
function undone(
  current: Organization,
  change: OrganizationChange,
  isReverted: boolean,
  nowMs: number,
): Result<Partial<Changeable>, readonly OrganizationProblem[]> {
  if (change.kind !== 'PROFILE') return err([refusal('Only a change of the profile can be taken back.')]);
  if (isReverted) return err([refusal('This change was taken back already.')]);
  if (nowMs >= change.createdAt.getTime() + REVERT_WITHIN_MS) {
    return err([refusal('A change can be taken back within 24 hours.')]);
  }
  const later = change.fields.find(
    (field) => canonicalJson(valueOf(current, field)) !== canonicalJson(change.after[field]),
  );
  if (later !== undefined)
    return err([refusal(`${later} has been changed again since: change it back by hand.`)]);
  return ok(changeableOf(change.before));
}

export function createReverting({ db, clock }: OrganizationDeps) {
  return async function revert(
    scope: ActorScope,
    { organizationId, changeId, expectedVersion }: Revert,
  ): Promise<OrganizationResult> {
    await authorizeWholeOrganization(scope, organizationId);
    return withTenant(db, tenantOf(scope.identity), async (tx) => {
      const locked = await lockedVersion(tx, { id: organizationId, expectedVersion });
      if (!locked.ok) return locked;
      const current = locked.value;
      const changes = createOrganizationChangeStore(tx);
      const change = await changes.byId(changeId);
      if (change?.organizationId !== organizationId) {
        throw new AppError('NOT_FOUND', 'There is nothing with this id.');
      }
      const nowMs = clock.now();
      const next = undone(current, change, await changes.isReverted(changeId), nowMs);
      if (!next.ok) return next;
      const organization = await changeOrganization(tx, scope.identity, {
        current,
        next: next.value,
        kind: 'REVERT',
        action: 'org.revert',
        revertsId: changeId,
        nowMs,
      });
      scope.loaders.organizations.clear(organizationId).prime(organizationId, organization);
      return ok(organization);
    });
  };
}
