import { authorize, canSee } from '@weir/graphql/authorization';
import { connectionOf, pageOf, type Connection, type ConnectionArgs } from '@weir/graphql/connection';
import { AppError } from '@weir/kernel/errors';
import type { Uuid } from '@weir/kernel/ids';
import { withTenant } from '@weir/prisma/tenant';
import { tenantOf, type ActorScope } from '../../actor-scope.ts';
import { creationOrder, creationPosition } from '../../creation-order.ts';
import { effectiveLists, type AccessLists } from '../access/access-lists.ts';
import { ancestorIdsOf } from '../accounts/account.ts';
import { topOf } from '../accounts/visible-subtree.ts';
import type { ApiKey } from './api-key.ts';
import { createApiKeyChanges, type ApiKeyChanges, type ApiKeyDeps } from './api-key-changes.ts';
import { createApiKeyRotation, type ApiKeyRotation } from './api-key-rotation.ts';
import { createApiKeyStore } from './api-key-store.ts';
import type { ExpiryFeed } from './expiry-feed.ts';
import { reachableKey } from './reachable-key.ts';
import { createSigningSecrets, type SigningSecrets } from './signing-secrets.ts';

export interface ApiKeyReads {
  /**
   * Null when there is none that the actor can see.
   * @throws AppError UNAUTHENTICATED or FORBIDDEN.
   */
  byId(scope: ActorScope, id: Uuid): Promise<ApiKey | null>;
  /**
   * @param owner The organization for the keys of all its accounts, or one account for its own.
   * @throws AppError UNAUTHENTICATED, NOT_FOUND, FORBIDDEN, or BAD_USER_INPUT for impossible pages.
   */
  list(scope: ActorScope, owner: ApiKeyOwner, args: ConnectionArgs): Promise<Connection<ApiKey>>;
  /**
   * Active keys that expire within so many days, the soonest first, at most 100.
   * @throws AppError UNAUTHENTICATED, NOT_FOUND, FORBIDDEN, or BAD_USER_INPUT for an impossible number of days.
   */
  expiring(scope: ActorScope, organizationId: Uuid, withinDays: number): Promise<readonly ApiKey[]>;
  /**
   * Keys as their expiry is told, from now on.
   * @throws AppError UNAUTHENTICATED, NOT_FOUND or FORBIDDEN.
   */
  watchExpiring(scope: ActorScope, organizationId: Uuid): Promise<AsyncGenerator<ApiKey>>;
  /** What remains of a key's lists below those of its account and the accounts above. */
  effectiveAccess(scope: ActorScope, apiKey: ApiKey): Promise<AccessLists>;
}

export type ApiKeyService = ApiKeyReads & ApiKeyChanges & ApiKeyRotation & SigningSecrets;

export interface ApiKeyOwner {
  readonly organizationId: Uuid;
  readonly accountId?: Uuid;
}

const ORDER = creationOrder<ApiKey>('apiKeys.createdAt');
const DAY_MS = 86_400_000;
const EXPIRING_DAYS_MAX = 365;
const EXPIRING_MAX = 100;

function createApiKeyReads({ db, clock }: ApiKeyDeps, feed: ExpiryFeed): ApiKeyReads {
  return {
    async byId(scope, id) {
      const apiKey = await reachableKey(scope, id);
      if (!apiKey) return null;
      return canSee(scope.identity, 'apiKey:read', { organizationId: apiKey.organizationId }) ? apiKey : null;
    },

    async list(scope, { organizationId, accountId }, args) {
      authorize(scope.identity, 'apiKey:read', { organizationId });
      const page = pageOf(args, ORDER);
      const after = creationPosition(page.after);
      const within = await topOf(scope);
      const rows = await withTenant(db, tenantOf(scope.identity), (tx) =>
        createApiKeyStore(tx).list({ organizationId, accountId, within, after, take: page.take }),
      );
      return connectionOf(rows, page, ORDER);
    },

    async expiring(scope, organizationId, withinDays) {
      authorize(scope.identity, 'apiKey:read', { organizationId });
      if (withinDays < 1 || withinDays > EXPIRING_DAYS_MAX) {
        throw new AppError('BAD_USER_INPUT', `withinDays must be between 1 and ${EXPIRING_DAYS_MAX}.`, {
          param: 'withinDays',
        });
      }
      const nowMs = clock.now();
      const span = { after: new Date(nowMs), until: new Date(nowMs + withinDays * DAY_MS) };
      const within = await topOf(scope);
      return withTenant(db, tenantOf(scope.identity), (tx) =>
        createApiKeyStore(tx).expiring(organizationId, within, { ...span, take: EXPIRING_MAX }),
      );
    },

    async watchExpiring(scope, organizationId) {
      authorize(scope.identity, 'apiKey:read', { organizationId });
      return feed.subscribe(scope.identity.actor, organizationId, await topOf(scope));
    },

    async effectiveAccess({ loaders }, apiKey) {
      const account = await loaders.accounts.load(apiKey.accountId);
      const above = account ? [...ancestorIdsOf(account), account.id] : [];
      const accounts = await Promise.all(above.map((id) => loaders.accounts.load(id)));
      const chain = [...accounts.filter((node) => node !== null), apiKey];
      return effectiveLists(chain.map(({ access }) => access));
    },
  };
}

export function createApiKeyService(deps: ApiKeyDeps, feed: ExpiryFeed): ApiKeyService {
  return {
    ...createApiKeyReads(deps, feed),
    ...createApiKeyChanges(deps),
    ...createApiKeyRotation(deps),
    ...createSigningSecrets(deps),
  };
}
