import { authorize, canSee } from '@weir/graphql/authorization';
import { connectionOf, pageOf, type Connection, type ConnectionArgs } from '@weir/graphql/connection';
import type { Clock } from '@weir/kernel/clock';
import type { Uuid } from '@weir/kernel/ids';
import type { Database } from '@weir/prisma/database';
import { withTenant } from '@weir/prisma/tenant';
import { tenantOf, type ActorScope } from '../../actor-scope.ts';
import { creationOrder, creationPosition } from '../../creation-order.ts';
import { effectiveLists, type AccessLists } from '../access/access-lists.ts';
import { ancestorIdsOf, isWithin, type Account } from './account.ts';
import { createAccountChanges, type AccountChanges } from './account-changes.ts';
import { createAccountStore } from './account-store.ts';
import { topOf } from './visible-subtree.ts';

export interface AccountService extends AccountChanges {
  /**
   * Null when there is none that the actor can see.
   * @throws AppError UNAUTHENTICATED or FORBIDDEN.
   */
  byId(scope: ActorScope, id: Uuid): Promise<Account | null>;
  /** From the root down to the parent, as far as the actor sees it. */
  pathOf(scope: ActorScope, account: Account): Promise<readonly Account[]>;
  /** What remains of an account's lists below those of the accounts above it, whether or not the actor sees these. */
  effectiveAccess(scope: ActorScope, account: Account): Promise<AccessLists>;
  /** @throws AppError UNAUTHENTICATED, NOT_FOUND, FORBIDDEN, or BAD_USER_INPUT for impossible pages. */
  list(scope: ActorScope, organizationId: Uuid, args: ConnectionArgs): Promise<Connection<Account>>;
}

const ORDER = creationOrder<Account>('accounts.createdAt');

export function createAccountService(deps: { readonly db: Database; readonly clock: Clock }): AccountService {
  const { db } = deps;

  async function byId(scope: ActorScope, id: Uuid): Promise<Account | null> {
    const { identity, loaders } = scope;
    const account = await loaders.accounts.load(id);
    if (!account || !canSee(identity, 'account:read', { organizationId: account.organizationId }))
      return null;
    const top = await topOf(scope);
    return top === undefined || isWithin(account, top) ? account : null;
  }

  return {
    ...createAccountChanges(deps),
    byId,

    async pathOf(scope, account) {
      const ancestors = await Promise.all(ancestorIdsOf(account).map((id) => byId(scope, id)));
      return ancestors.filter((ancestor) => ancestor !== null);
    },

    async effectiveAccess({ loaders }, account) {
      const ancestors = await Promise.all(ancestorIdsOf(account).map((id) => loaders.accounts.load(id)));
      const chain = [...ancestors.filter((ancestor) => ancestor !== null), account];
      return effectiveLists(chain.map(({ access }) => access));
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
