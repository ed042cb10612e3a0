import { AppError } from '@weir/kernel/errors';
import type { ActorScope } from '../../actor-scope.ts';
import type { Account } from './account.ts';

/**
 * The account that bounds what the actor sees and changes: an API key reaches its own account and everything below,
 * whatever its scopes permit. Undefined for people and for keys of the root, who reach the whole organization.
 * @throws AppError NOT_FOUND when the key's account is gone.
 */
export async function topOf({ identity, loaders }: ActorScope): Promise<Account | undefined> {
  if (identity.actor.type !== 'apiKey') return undefined;
  const top = await loaders.accounts.load(identity.actor.accountId);
  if (!top) throw new AppError('NOT_FOUND', 'The account of this API key no longer exists.');
  return top.parentId === null ? undefined : top;
}
