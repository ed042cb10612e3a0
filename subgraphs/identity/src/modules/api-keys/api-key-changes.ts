import { recordAudit } from '@weir/graphql/audit';
import { changesOf } from '@weir/graphql/audit-metadata';
import { authorize } from '@weir/graphql/authorization';
import { userError } from '@weir/graphql/user-errors';
import type { Clock } from '@weir/kernel/clock';
import { encodeId, newUuid, type Uuid } from '@weir/kernel/ids';
import { err, ok, type Result } from '@weir/kernel/result';
import { newVirtualKey, visibleParts } from '@weir/kernel/virtual-key';
import type { Database } from '@weir/prisma/database';
import { withTenant, type Transaction } from '@weir/prisma/tenant';
import type { MasterKey } from '@weir/service/vault';
import { tenantOf, type ActorScope } from '../../actor-scope.ts';
import { UNRESTRICTED } from '../access/access-lists.ts';
import { isWithin, type Account } from '../accounts/account.ts';
import { createAccountStore } from '../accounts/account-store.ts';
import { createAccountTreeStore } from '../accounts/account-tree-store.ts';
import { bindingNodesFrom } from '../accounts/binding-nodes.ts';
import { topOf } from '../accounts/visible-subtree.ts';
import { hashOfSecret, type ApiKey } from './api-key.ts';
import {
  checkApiKeyChange,
  problemsOfName,
  type ApiKeyChange,
  type ApiKeyDraft,
  type ApiKeyProblem,
} from './api-key-rules.ts';
import { DEFAULT_SETTINGS } from '../organization-settings/organization-settings.ts';
import { createOrganizationStore } from '../organizations/organization-store.ts';
import { withKeyDefaults } from './key-defaults.ts';
import { createApiKeyStore } from './api-key-store.ts';
import { noSuchKey, reachableKey, remember, targetOf } from './reachable-key.ts';

export interface ApiKeyDeps {
  readonly db: Database;
  readonly clock: Clock;
  readonly masterKey: MasterKey;
}

export interface ApiKeyCreation extends Omit<ApiKeyChange, keyof ApiKeyDraft>, ApiKeyDraft {
  readonly organizationId: Uuid;
  /** Undefined for the root account. */
  readonly accountId: Uuid | undefined;
}

export interface ApiKeyUpdate extends ApiKeyChange {
  readonly id: Uuid;
  readonly expectedVersion?: number | undefined;
}

export interface CreatedApiKey {
  readonly apiKey: ApiKey;
  /** Shown to its maker once and kept nowhere. */
  readonly secret: string;
}

export interface ApiKeyChanges {
  /** @throws AppError UNAUTHENTICATED, NOT_FOUND for another organization, or FORBIDDEN. */
  create(
    scope: ActorScope,
    creation: ApiKeyCreation,
  ): Promise<Result<CreatedApiKey, readonly ApiKeyProblem[]>>;
  /** @throws AppError UNAUTHENTICATED or FORBIDDEN. */
  update(scope: ActorScope, update: ApiKeyUpdate): Promise<Result<ApiKey, readonly ApiKeyProblem[]>>;
  /**
   * Idempotent: the first revocation stands.
   * @throws AppError UNAUTHENTICATED or FORBIDDEN.
   */
  revoke(scope: ActorScope, id: Uuid): Promise<Result<ApiKey, readonly ApiKeyProblem[]>>;
}

const BLANK = {
  scopes: [],
  expiresAt: null,
  disconnectPolicy: 'ABORT',
  environment: 'PRODUCTION',
  requiresSignature: false,
  hasSigningSecret: false,
  access: UNRESTRICTED,
  limits: {},
  modelLimits: [],
} as const;

const SETTINGS = [
  'scopes',
  'expiresAt',
  'disconnectPolicy',
  'environment',
  'requiresSignature',
  'access',
  'limits',
  'modelLimits',
] as const;

const noSuchAccount = () =>
  err([
    userError('ACCOUNT_NOT_FOUND', 'The organization has no account with this id.', 'accountId'),
  ] as const);

async function accountFor(
  tx: Transaction,
  { organizationId, accountId }: ApiKeyCreation,
): Promise<Account | undefined> {
  const accounts = createAccountStore(tx);
  if (accountId === undefined) return accounts.rootOf(organizationId);
  return (await accounts.byIds([accountId])).at(0);
}

export function createApiKeyChanges({ db, clock }: ApiKeyDeps): ApiKeyChanges {
  const changerOf = ({ identity }: ActorScope, { parentId }: Account) => ({
    held: identity.permissions,
    isOfRoot: parentId === null,
    nowMs: clock.now(),
  });

  return {
    async create(scope, creation) {
      const { organizationId } = creation;
      const actor = authorize(scope.identity, 'apiKey:create', { organizationId });
      const top = await topOf(scope);
      return withTenant(db, tenantOf(scope.identity), async (tx) => {
        await createAccountTreeStore(tx).lockTree(organizationId, 'account');
        const account = await accountFor(tx, creation);
        if (!account || account.status === 'DELETED' || (top !== undefined && !isWithin(account, top))) {
          return noSuchAccount();
        }
        const above = await bindingNodesFrom(tx, account);
        const [organization] = await createOrganizationStore(tx).byIds([organizationId]);
        const { apiKeyDefaults } = organization?.settings ?? DEFAULT_SETTINGS;
        const draft = withKeyDefaults(creation, apiKeyDefaults, above, clock.now());
        const checked = checkApiKeyChange(BLANK, draft, above, changerOf(scope, account));
        const problems = problemsOfName(creation.name);
        if (!checked.ok) return err([...problems, ...checked.error]);
        if (problems.length > 0) return err(problems);
        const secret = newVirtualKey();
        const store = createApiKeyStore(tx);
        const id = newUuid(clock.now());
        await store.insert({
          ...checked.value,
          ...visibleParts(secret),
          ...{ id, organizationId, accountId: account.id, name: creation.name.trim() },
          keyHash: hashOfSecret(secret),
          signingSecret: null,
          replacesId: null,
          lineageId: null,
          createdBy: actor.type === 'user' ? actor.userId : null,
          createdAt: new Date(clock.now()),
        });
        const [apiKey] = await store.byIds([id]);
        if (!apiKey) throw new Error('a key that was just written is there');
        await recordAudit(tx, scope.identity, {
          organizationId,
          action: 'apikey.create',
          target: targetOf(apiKey),
          metadata: {
            accountId: encodeId('account', account.id),
            scopes: apiKey.scopes,
            expiresAt: apiKey.expiresAt,
          },
        });
        return ok({ apiKey: remember(scope, apiKey), secret });
      });
    },

    async update(scope, { id, expectedVersion, ...change }) {
      const found = await reachableKey(scope, id);
      if (!found) return noSuchKey();
      authorize(scope.identity, 'apiKey:update', { organizationId: found.organizationId, apiKeyId: id });
      return withTenant(db, tenantOf(scope.identity), async (tx) => {
        const store = createApiKeyStore(tx);
        const current = await store.lock(id);
        const [account] = await createAccountStore(tx).byIds([found.accountId]);
        if (!current || !account) return noSuchKey();
        if (current.revokedAt !== null) {
          return err([userError('REVOKED', 'The key is revoked for good: create another one.', 'id')]);
        }
        if (expectedVersion !== undefined && expectedVersion !== current.version) {
          const message = 'The key has changed meanwhile: read it again.';
          return err([userError('CONFLICT', message, 'expectedVersion')]);
        }
        const above = await bindingNodesFrom(tx, account);
        const checked = checkApiKeyChange(current, change, above, changerOf(scope, account));
        if (!checked.ok) return checked;
        await store.update(id, checked.value, change.expiresAt === undefined ? undefined : null);
        const [updated] = await store.byIds([id]);
        if (!updated) return noSuchKey();
        await recordAudit(tx, scope.identity, {
          organizationId: updated.organizationId,
          action: 'apikey.update',
          target: targetOf(updated),
          metadata: changesOf(current, updated, SETTINGS),
        });
        return ok(remember(scope, updated));
      });
    },

    async revoke(scope, id) {
      const found = await reachableKey(scope, id);
      if (!found) return noSuchKey();
      authorize(scope.identity, 'apiKey:revoke', { organizationId: found.organizationId, apiKeyId: id });
      return withTenant(db, tenantOf(scope.identity), async (tx) => {
        const store = createApiKeyStore(tx);
        await store.revoke(id, new Date(clock.now()));
        const [revoked] = await store.byIds([id]);
        if (!revoked) return noSuchKey();
        await recordAudit(tx, scope.identity, {
          organizationId: revoked.organizationId,
          action: 'apikey.revoke',
          target: targetOf(revoked),
          metadata: { revokedAt: revoked.revokedAt },
        });
        return ok(remember(scope, revoked));
      });
    },
  };
}
