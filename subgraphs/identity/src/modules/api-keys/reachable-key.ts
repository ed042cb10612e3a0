import { requireSignedIn } from '@weir/graphql/authorization';
import { userError } from '@weir/graphql/user-errors';
import { err } from '@weir/kernel/result';
import type { Uuid } from '@weir/kernel/ids';
import type { ActorScope } from '../../actor-scope.ts';
import { isWithin } from '../accounts/account.ts';
import { topOf } from '../accounts/visible-subtree.ts';
import type { ApiKey } from './api-key.ts';

/**
 * As the actor may reach it: an API key reaches the keys of its own account and below.
 * @throws AppError UNAUTHENTICATED
 */
export async function reachableKey(scope: ActorScope, id: Uuid): Promise<ApiKey | null> {
  requireSignedIn(scope.identity);
  const [apiKey, top] = await Promise.all([scope.loaders.apiKeys.load(id), topOf(scope)]);
  if (!apiKey || top === undefined) return apiKey;
  const account = await scope.loaders.accounts.load(apiKey.accountId);
  return account && isWithin(account, top) ? apiKey : null;
}

export const noSuchKey = () =>
  err([userError('NOT_FOUND', 'There is no API key with this id.', 'id')] as const);

/** As the audit trail names it. */
export const targetOf = ({ id, name }: Pick<ApiKey, 'id' | 'name'>) =>
  ({ type: 'apiKey', id, name }) as const;

/** Later reads of the operation answer what was written. */
export function remember({ loaders }: ActorScope, apiKey: ApiKey): ApiKey {
  loaders.apiKeys.clear(apiKey.id).prime(apiKey.id, apiKey);
  return apiKey;
}
