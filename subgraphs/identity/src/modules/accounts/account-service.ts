import { authorize, canSee } from '@weir/graphql/authorization';
import { connectionOf, pageOf, type Connection, type ConnectionArgs } from '@weir/graphql/connection';
import type { Uuid } from '@weir/kernel/ids';
import type { Database } from '@weir/prisma/database';
import { withTenant } from '@weir/prisma/tenant';
import { tenantOf, type ActorScope } from '../../actor-scope.ts';
import { creationOrder, creationPosition } from '../../creation-order.ts';
import { ancestorIdsOf, isWithin, type Account } from './account.ts';
import { createAccountStore } from './account-store.ts';
import { topOf } from './visible-subtree.ts';

export interface AccountService {
  /**
   * Null when there is none that the actor can see.
   * @throws AppError UNAUTHENTICATED or FORBIDDEN.
   */
  byId(scope: ActorScope, id: Uuid): Promise<Account | null>;
  /** From the root down to the parent, as far as the actor sees it. */
  pathOf(scope: ActorScope, account: Account): Promise<readonly Account[]>;
  /** @throws AppError UNAUTHENTICATED, NOT_FOUND, FORBIDDEN, or BAD_USER_INPUT for impossible pages. */
  list(scope: ActorScope, organizationId: Uuid, args: ConnectionArgs): Promise<Connection<Account>>;
}

const ORDER = creationOrder<Account>('accounts.createdAt');

export function createAccountService({ db }: { readonly db: Database }): AccountService {
  async function byId(scope: ActorScope, id: Uuid): Promise<Account | null> {
    const { identity, loaders } = scope;
    const account = await loaders.accounts.load(id);
    if (!account || !canSee(identity, 'account:read', { organizationId: account.organizationId }))
      return null;
    const top = await topOf(scope);
    return top === undefined || isWithin(account, top) ? account : null;
  }

  return {
    byId,

    async pathOf(scope, account) {
      const ancestors = await Promise.all(ancestorIdsOf(account).map((id) => byId(scope, id)));
      return ancestors.filter((ancestor) => ancestor !== null);
    },

    async list(scope, organizationId, args) {
      authorize(scope.identity, 'account:read', { organizationId });
      const page = pageOf(args, ORDER);
      const after = creationPosition(page.after);
      const within = await topOf(scope);
      const rows = await withTenant(db, tenantOf(scope.identity), (tx) =>
        createAccountStore(tx).list({ organizationId, within, after, take: page.take }),
      );
      for (const row of rows) scope.loaders.accounts.prime(row.id, row);
      return connectionOf(rows, page, ORDER);
    },
  };
}
