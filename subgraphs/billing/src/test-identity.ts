import type { InternalIdentity } from '@weir/contracts/internal-identity';
import type { Permission } from '@weir/contracts/permission-matrix';
import { newUuid, type Uuid } from '@weir/kernel/ids';

/** A person of the organization who may do everything with budgets and prices, as the gateway vouches for them. */
export function identityOf(
  { organizationId }: { readonly organizationId: Uuid },
  permissions: readonly Permission[] = [
    'org.read',
    'org.budget.read',
    'org.budget.write',
    'org.billing.write',
  ],
): InternalIdentity {
  return {
    actor: { type: 'user', userId: newUuid(), sessionId: newUuid() },
    organizationId,
    permissions: [...permissions],
    requestId: newUuid(),
    ipAddress: null,
    userAgent: null,
  };
}
