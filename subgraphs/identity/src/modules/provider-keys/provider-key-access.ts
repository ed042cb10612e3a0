import { authorize, canSee } from '@weir/graphql/authorization';
import { AppError } from '@weir/kernel/errors';
import type { Uuid } from '@weir/kernel/ids';
import type { ActorScope } from '../../actor-scope.ts';
import { topOf } from '../accounts/visible-subtree.ts';
import type { ProviderKey } from './provider-key.ts';

type ProviderKeyAction = 'providerKey:read' | 'providerKey:write';

/**
 * Provider keys belong to the owner of the organization: programs with keys of accounts below the root have no say in
 * them, whatever their scopes.
 * @throws AppError UNAUTHENTICATED, NOT_FOUND for another organization, or FORBIDDEN.
 */
export async function authorizeProviderKeys(
  scope: ActorScope,
  organizationId: Uuid,
  action: ProviderKeyAction,
): Promise<void> {
  authorize(scope.identity, action, { organizationId });
  if ((await topOf(scope)) !== undefined) {
    throw new AppError('FORBIDDEN', 'Only API keys of the root account may administer provider keys.');
  }
}

/** Null when it belongs to another organization, or to none. @throws AppError UNAUTHENTICATED or FORBIDDEN. */
export async function reachableProviderKey(
  scope: ActorScope,
  id: Uuid,
  action: ProviderKeyAction,
): Promise<ProviderKey | null> {
  const key = await scope.loaders.providerKeys.load(id);
  if (!key || !canSee(scope.identity, action, { organizationId: key.organizationId })) return null;
  await authorizeProviderKeys(scope, key.organizationId, action);
  return key;
}
