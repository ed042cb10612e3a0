import { authorize, requireSignedIn } from '@weir/graphql/authorization';
import { userError } from '@weir/graphql/user-errors';
import { AppError } from '@weir/kernel/errors';
import type { Uuid } from '@weir/kernel/ids';
import type { ActorScope } from '../../actor-scope.ts';
import { isWithin, type Account } from './account.ts';
import type { AccountProblem } from './account-rules.ts';
import { topOf } from './visible-subtree.ts';

type AccountAction = 'account:update' | 'account:move' | 'account:delete';

/** A subtree has up to hundreds of thousands of accounts, and is changed in one transaction. */
export const STRUCTURE_TIMEOUT_MS = 60_000;

export const problem = (
  code: AccountProblem['code'],
  message: string,
  ...field: readonly string[]
): AccountProblem => userError(code, message, ...field);

/** A service account is a machine, with keys and nothing else below it. */
export const belowMachine = (field: string): AccountProblem =>
  problem('INVALID_KIND', 'Nothing can be put below a service account: choose another parent.', field);

export const noSuchAccount = problem('NOT_FOUND', 'There is no account with this id.', 'id');

/**
 * What is above an account decides about it, so that an API key changes what lies below its own account. Undefined for
 * an account that the actor cannot reach, or that is deleted.
 * @param from Where what an API key may change begins; at its own account where only what is below that is changed.
 * @throws AppError UNAUTHENTICATED or FORBIDDEN
 */
export async function changeableAccount(
  scope: ActorScope,
  id: Uuid,
  action: AccountAction,
  from: 'below' | 'own' = 'below',
): Promise<Account | undefined> {
  requireSignedIn(scope.identity);
  const [account, top] = await Promise.all([scope.loaders.accounts.load(id), topOf(scope)]);
  if (!account || account.status === 'DELETED' || (top && !isWithin(account, top))) return undefined;
  const { organizationId } = account;
  authorize(scope.identity, action, { organizationId, accountId: id });
  if (top?.id === id && from === 'below') {
    throw new AppError('FORBIDDEN', 'An API key changes accounts below its own, not its own.');
  }
  return account;
}

/** Later reads of the operation answer what was written. */
export function remember({ loaders }: ActorScope, account: Account): Account {
  loaders.accounts.clear(account.id).prime(account.id, account);
  return account;
}
