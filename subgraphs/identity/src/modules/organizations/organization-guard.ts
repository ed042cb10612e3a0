import { authorize } from '@weir/graphql/authorization';
import { userError } from '@weir/graphql/user-errors';
import { AppError } from '@weir/kernel/errors';
import type { Uuid } from '@weir/kernel/ids';
import { err, ok, type Result } from '@weir/kernel/result';
import type { Transaction } from '@weir/prisma/tenant';
import type { ActorScope } from '../../actor-scope.ts';
import { topOf } from '../accounts/visible-subtree.ts';
import { createOrganizationStore } from './organization-store.ts';
import type { Organization } from './organization.ts';
import type { OrganizationProblem } from './profile-rules.ts';

export interface Versioned {
  readonly id: Uuid;
  /** Undefined means whatever is there. */
  readonly expectedVersion?: number | undefined;
}

export type OrganizationResult = Result<Organization, readonly OrganizationProblem[]>;

const CONFLICT = userError(
  'CONFLICT',
  'The organization has changed meanwhile: read it again.',
  'expectedVersion',
);

/** The organization as it is now, kept from changing; an error when it has another version than expected. */
export async function lockedVersion(
  tx: Transaction,
  { id, expectedVersion }: Versioned,
): Promise<OrganizationResult> {
  const current = await createOrganizationStore(tx).lock(id);
  if (!current) throw new AppError('NOT_FOUND', 'There is nothing with this id.');
  const isOther = expectedVersion !== undefined && expectedVersion !== current.version;
  return isOther ? err([CONFLICT]) : ok(current);
}

/** An API key below the root manages its own accounts, not what binds everybody. */
export async function authorizeWholeOrganization(scope: ActorScope, id: Uuid): Promise<void> {
  authorize(scope.identity, 'organization:update', { organizationId: id });
  if (await topOf(scope)) {
    throw new AppError(
      'FORBIDDEN',
      'An API key of an account below the root cannot change the organization.',
    );
  }
}
