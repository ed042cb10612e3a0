import { authorize } from '@weir/graphql/authorization';
import { authorizePlatform } from '@weir/graphql/platform-authorization';
import { AppError } from '@weir/kernel/errors';
import type { Uuid } from '@weir/kernel/ids';
import type { Database } from '@weir/prisma/database';
import { withTenant, type Transaction, type TransactionOptions } from '@weir/prisma/tenant';
import type { ActorScope } from '../../actor-scope.ts';
import { topOf } from '../accounts/visible-subtree.ts';

/** An organization's trail, or the platform's own for null. */
export type TrailOwner = Uuid | null;

/** @throws AppError UNAUTHENTICATED, NOT_FOUND for another organization, or FORBIDDEN. */
export async function authorizeTrail(scope: ActorScope, owner: TrailOwner): Promise<void> {
  if (owner === null) {
    authorizePlatform(scope.identity, 'platformAudit:read');
    return;
  }
  authorize(scope.identity, 'audit:read', { organizationId: owner });
  if ((await topOf(scope)) !== undefined) {
    throw new AppError('FORBIDDEN', 'Only API keys of the root account may read the audit trail.');
  }
}

/** In a transaction that sees one trail. */
export function withTrail<T>(
  db: Database,
  owner: TrailOwner,
  work: (tx: Transaction) => Promise<T>,
  options: TransactionOptions = {},
): Promise<T> {
  return withTenant(
    db,
    { organizationId: owner },
    async (tx) => {
      if (owner === null) await tx.$executeRaw`select set_config('app.platform', 'on', true)`;
      return work(tx);
    },
    options,
  );
}

/** As an event names whose trail it is about. */
export const trailTarget = (owner: TrailOwner) =>
  owner === null ? ({ type: 'platform', id: null } as const) : ({ type: 'organization', id: owner } as const);
