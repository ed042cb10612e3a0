import { authorize, canSee, requireSignedIn } from '@weir/graphql/authorization';
import { connectionOf, pageOf, type Connection, type ConnectionArgs } from '@weir/graphql/connection';
import { userError } from '@weir/graphql/user-errors';
import type { Clock } from '@weir/kernel/clock';
import { newUuid, type Uuid } from '@weir/kernel/ids';
import { err, ok, type Result } from '@weir/kernel/result';
import { newVirtualKey, visibleParts } from '@weir/kernel/virtual-key';
import type { Database } from '@weir/prisma/database';
import { withTenant } from '@weir/prisma/tenant';
import { tenantOf, type ActorScope } from '../../actor-scope.ts';
import { creationOrder, creationPosition } from '../../creation-order.ts';
import { isWithin, type Account } from '../accounts/account.ts';
import { createAccountStore } from '../accounts/account-store.ts';
import { topOf } from '../accounts/visible-subtree.ts';
import { hashOfSecret, type ApiKey, type DisconnectPolicy } from './api-key.ts';
import { checkApiKey, type ApiKeyDraft, type ApiKeyProblem } from './api-key-rules.ts';
import { createApiKeyStore } from './api-key-store.ts';

export interface ApiKeyCreation extends ApiKeyDraft {
  readonly organizationId: Uuid;
  /** Undefined for the root account. */
  readonly accountId: Uuid | undefined;
  readonly disconnectPolicy: DisconnectPolicy;
}

export interface CreatedApiKey {
  readonly apiKey: ApiKey;
  /** Shown to its maker once and kept nowhere. */
  readonly secret: string;
}

export interface ApiKeyService {
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
  /** @throws AppError UNAUTHENTICATED, NOT_FOUND for another organization, or FORBIDDEN. */
  create(
    scope: ActorScope,
    creation: ApiKeyCreation,
  ): Promise<Result<CreatedApiKey, readonly ApiKeyProblem[]>>;
  /**
   * Idempotent: the first revocation stands.
   * @throws AppError UNAUTHENTICATED or FORBIDDEN.
   */
  revoke(scope: ActorScope, id: Uuid): Promise<Result<ApiKey, readonly ApiKeyProblem[]>>;
}

export interface ApiKeyOwner {
  readonly organizationId: Uuid;
  readonly accountId?: Uuid;
}

const ORDER = creationOrder<ApiKey>('apiKeys.createdAt');

const noSuchKey = () => err([userError('NOT_FOUND', 'There is no API key with this id.', 'id')] as const);

const noSuchAccount = () =>
  err([
    userError('ACCOUNT_NOT_FOUND', 'The organization has no account with this id.', 'accountId'),
  ] as const);

export function createApiKeyService(deps: { readonly db: Database; readonly clock: Clock }): ApiKeyService {
  const { db, clock } = deps;

  /** As the actor may reach it: an API key reaches the keys of its own account and below. */
  async function reachable(scope: ActorScope, id: Uuid): Promise<ApiKey | null> {
    const [apiKey, top] = await Promise.all([scope.loaders.apiKeys.load(id), topOf(scope)]);
    if (!apiKey || top === undefined) return apiKey;
    const account = await scope.loaders.accounts.load(apiKey.accountId);
    return account && isWithin(account, top) ? apiKey : null;
  }

  return {
    async byId(scope, id) {
      const apiKey = await reachable(scope, id);
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

    async create(scope, creation) {
      const { organizationId, disconnectPolicy } = creation;
      const actor = authorize(scope.identity, 'apiKey:create', { organizationId });
      const checked = checkApiKey(creation, scope.identity.permissions, clock.now());
      if (!checked.ok) return checked;
      const top = await topOf(scope);
      return withTenant(db, tenantOf(scope.identity), async (tx) => {
        const account = await accountFor(createAccountStore(tx), creation);
        if (!account || (top !== undefined && !isWithin(account, top))) return noSuchAccount();
        const secret = newVirtualKey();
        const createdBy = actor.type === 'user' ? actor.userId : null;
        const created = {
          ...checked.value,
          ...visibleParts(secret),
          id: newUuid(clock.now()),
          organizationId,
          accountId: account.id,
          disconnectPolicy,
          createdAt: new Date(clock.now()),
        };
        await createApiKeyStore(tx).insert({ ...created, keyHash: hashOfSecret(secret), createdBy });
        return ok({ apiKey: { ...created, revokedAt: null }, secret });
      });
    },

    async revoke(scope, id) {
      requireSignedIn(scope.identity);
      const found = await reachable(scope, id);
      if (!found) return noSuchKey();
      authorize(scope.identity, 'apiKey:revoke', { organizationId: found.organizationId, apiKeyId: id });
      const revoked = await withTenant(db, tenantOf(scope.identity), async (tx) => {
        const store = createApiKeyStore(tx);
        await store.revoke(id, new Date(clock.now()));
        return (await store.byIds([id])).at(0);
      });
      if (!revoked) return noSuchKey();
      scope.loaders.apiKeys.clear(id).prime(id, revoked);
      return ok(revoked);
    },
  };
}

async function accountFor(
  accounts: ReturnType<typeof createAccountStore>,
  { organizationId, accountId }: ApiKeyCreation,
): Promise<Account | undefined> {
  if (accountId === undefined) return accounts.rootOf(organizationId);
  return (await accounts.byIds([accountId])).at(0);
}
