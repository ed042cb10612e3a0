import { authorize, canSee, requireSignedIn } from '@weir/graphql/authorization';
import { connectionOf, pageOf, type Connection, type ConnectionArgs } from '@weir/graphql/connection';
import type { Uuid } from '@weir/kernel/ids';
import { withTenant } from '@weir/prisma/tenant';
import { tenantOf, type ActorScope } from '../../actor-scope.ts';
import { effectiveLists, type AccessLists } from '../access/access-lists.ts';
import { ancestorIdsOf, isWithin, type Account } from './account.ts';
import { createAccountChanges, type AccountChanges, type AccountDeps } from './account-changes.ts';
import { createAccountDeletion } from './account-deletion.ts';
import { boundedFilter, positionOf, type AccountFilter, type AccountOrder } from './account-filter.ts';
import { createAccountMove } from './account-move.ts';
import { createAccountStore } from './account-store.ts';
import { createSubtreeUpdate } from './subtree-update.ts';
import { topOf } from './visible-subtree.ts';

export interface AccountListArgs extends ConnectionArgs {
  /** All of them hold. */
  readonly filters: readonly AccountFilter[];
  readonly order: AccountOrder;
}

interface AccountReads {
  /**
   * Null when there is none that the actor can see.
   * @throws AppError UNAUTHENTICATED or FORBIDDEN.
   */
  byId(scope: ActorScope, id: Uuid): Promise<Account | null>;
  /**
   * The account at the end of a path, which may begin anywhere above it; null when no account lies there.
   * @throws AppError UNAUTHENTICATED or FORBIDDEN.
   */
  byPath(scope: ActorScope, path: readonly Uuid[]): Promise<Account | null>;
  /** From the root down to the parent, as far as the actor sees it. */
  pathOf(scope: ActorScope, account: Account): Promise<readonly Account[]>;
  /** What remains of an account's lists below those of the accounts above it, whether or not the actor sees these. */
  effectiveAccess(scope: ActorScope, account: Account): Promise<AccessLists>;
  /** @throws AppError UNAUTHENTICATED, NOT_FOUND, FORBIDDEN, or BAD_USER_INPUT for impossible pages and filters. */
  list(scope: ActorScope, organizationId: Uuid, args: AccountListArgs): Promise<Connection<Account>>;
}

export interface AccountService extends AccountReads, AccountChanges {
  readonly move: ReturnType<typeof createAccountMove>;
  readonly remove: ReturnType<typeof createAccountDeletion>;
  readonly updateSubtree: ReturnType<typeof createSubtreeUpdate>;
}

const EMPTY: Connection<Account> = {
  edges: [],
  nodes: [],
  pageInfo: { hasNextPage: false, hasPreviousPage: false, startCursor: null, endCursor: null },
};

function createAccountReads({ db }: AccountDeps): AccountReads {
  async function byId(scope: ActorScope, id: Uuid): Promise<Account | null> {
    const { identity, loaders } = scope;
    requireSignedIn(identity);
    const account = await loaders.accounts.load(id);
    if (!account || !canSee(identity, 'account:read', { organizationId: account.organizationId }))
      return null;
    const top = await topOf(scope);
    return top === undefined || isWithin(account, top) ? account : null;
  }

  async function byPath(scope: ActorScope, path: readonly Uuid[]): Promise<Account | null> {
    const last = path.at(-1);
    const account = last === undefined ? null : await byId(scope, last);
    if (!account) return null;
    const chain = [...ancestorIdsOf(account), account.id].slice(-path.length);
    return chain.length === path.length && chain.every((id, index) => id === path[index]) ? account : null;
  }

  return {
    byId,
    byPath,

    async pathOf(scope, account) {
      const ancestors = await Promise.all(ancestorIdsOf(account).map((id) => byId(scope, id)));
      return ancestors.filter((ancestor) => ancestor !== null);
    },

    async effectiveAccess({ loaders }, account) {
      const ancestors = await Promise.all(ancestorIdsOf(account).map((id) => loaders.accounts.load(id)));
      const chain = [...ancestors.filter((ancestor) => ancestor !== null), account];
      return effectiveLists(chain.map(({ access }) => access));
    },

    async list(scope, organizationId, { filters, order, ...args }) {
      authorize(scope.identity, 'account:read', { organizationId });
      const keyset = orderOfList(order);
      const page = pageOf(args, keyset);
      const after = positionOf(page.after, order);
      const [within, below] = await Promise.all([topOf(scope), placeOf(scope, filters)]);
      if (below === null) return EMPTY;
      const query = { organizationId, within, below, order, after, take: page.take };
      const rows = await withTenant(db, tenantOf(scope.identity), (tx) =>
        createAccountStore(tx).list({ ...query, filters: filters.map(boundedFilter) }),
      );
      for (const row of rows) scope.loaders.accounts.prime(row.id, row);
      return connectionOf(rows, page, keyset);
    },
  };

  /** The node that the paths of the filters mean: undefined without a path, null when nothing lies there. */
  async function placeOf(
    scope: ActorScope,
    filters: readonly AccountFilter[],
  ): Promise<Account | null | undefined> {
    const paths = filters.flatMap(({ path }) => (path ? [path] : []));
    const places = await Promise.all(paths.map((path) => byPath(scope, path)));
    // Of several paths only the deepest counts, if it lies within the others; otherwise no account lies within all.
    const found = places.filter((place) => place !== null).toSorted((a, b) => b.dna.length - a.dna.length);
    if (found.length < places.length) return null;
    const [deepest] = found;
    return deepest && found.some((place) => !isWithin(deepest, place)) ? null : deepest;
  }
}

function orderOfList({ field, direction }: AccountOrder) {
  const isByName = field === 'NAME';
  return {
    name: `accounts.${isByName ? 'name' : 'createdAt'}.${direction.toLowerCase()}`,
    keyCount: 2,
    keysOf: (row: Account) => [isByName ? row.nameKey : row.createdAt.toISOString(), row.id],
  };
}

export function createAccountService(deps: AccountDeps): AccountService {
  return {
    ...createAccountReads(deps),
    ...createAccountChanges(deps),
    move: createAccountMove(deps),
    remove: createAccountDeletion(deps),
    updateSubtree: createSubtreeUpdate(deps),
  };
}
