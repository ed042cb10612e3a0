import { defaultBaseUrl, type ProviderKind } from '@weir/contracts/provider-config';
import { recordAudit } from '@weir/graphql/audit';
import { connectionOf, pageOf, type Connection, type ConnectionArgs } from '@weir/graphql/connection';
import { userError } from '@weir/graphql/user-errors';
import { newUuid, type Uuid } from '@weir/kernel/ids';
import { err, ok, type Result } from '@weir/kernel/result';
import { withTenant } from '@weir/prisma/tenant';
import { tenantOf, type ActorScope } from '../../actor-scope.ts';
import { creationOrder, creationPosition } from '../../creation-order.ts';
import { sealProviderSecret } from './owner-key.ts';
import { ownerKeyRing } from './owner-key-ring.ts';
import { authorizeProviderKeys, reachableProviderKey } from './provider-key-access.ts';
import { createProviderKeyChanges, targetOf, type ProviderKeyChanges } from './provider-key-changes.ts';
import type { ProviderKeyDeps } from './provider-key-deps.ts';
import { checkAddress } from './provider-address.ts';
import {
  checkConfig,
  problemsOfSettings,
  type ProviderConfig,
  type ProviderKeyProblem,
} from './provider-key-rules.ts';
import { createProviderKeyStore } from './provider-key-store.ts';
import { createProviderKeyTests, type ProviderKeyTests } from './provider-key-tests.ts';
import { checkProviderSecret } from './provider-secret.ts';
import type { ProviderKey, ProviderKeyStatus } from './provider-key.ts';

export interface ProviderKeyAddition {
  readonly organizationId: Uuid;
  readonly name: string;
  readonly provider: ProviderKind;
  /** Undefined for the provider's own address. */
  readonly baseUrl: string | undefined;
  readonly secret: string;
  readonly level: number;
  readonly weight: number;
  readonly config: ProviderConfig;
}

export interface ProviderKeyFilter {
  readonly level: number | undefined;
  readonly provider: ProviderKind | undefined;
  readonly status: ProviderKeyStatus | undefined;
}

export type ProviderKeyResult = Result<ProviderKey, readonly ProviderKeyProblem[]>;

/**
 * Keys of the organization at providers, for people (and programs of the root account) who may administer them.
 * @throws AppError UNAUTHENTICATED, NOT_FOUND for another organization, or FORBIDDEN, from every one of them.
 */
export interface ProviderKeyService extends ProviderKeyChanges, ProviderKeyTests {
  /** Null when there is none that the actor can see. */
  byId(scope: ActorScope, id: Uuid): Promise<ProviderKey | null>;
  /** In the order of creation. */
  list(
    scope: ActorScope,
    organizationId: Uuid,
    args: ConnectionArgs & { readonly filter: ProviderKeyFilter },
  ): Promise<Connection<ProviderKey>>;
  add(scope: ActorScope, addition: ProviderKeyAddition): Promise<ProviderKeyResult>;
}

const ORDER = creationOrder<ProviderKey>('providerKeys.createdAt');
/** Every policy snapshot carries all of them. */
const KEYS_MAX = 500;

export function createProviderKeyService(deps: ProviderKeyDeps): ProviderKeyService {
  const { db, clock, masterKey, guard } = deps;

  return {
    ...createProviderKeyChanges(deps),
    ...createProviderKeyTests(deps),

    byId: (scope, id) => reachableProviderKey(scope, id, 'providerKey:read'),

    async list(scope, organizationId, { filter, ...args }) {
      await authorizeProviderKeys(scope, organizationId, 'providerKey:read');
      const page = pageOf(args, ORDER);
      const after = creationPosition(page.after);
      const rows = await withTenant(db, tenantOf(scope.identity), (tx) =>
        createProviderKeyStore(tx).list({ ...filter, organizationId, after, take: page.take }),
      );
      return connectionOf(rows, page, ORDER);
    },

    async add(scope, { secret: givenSecret, ...addition }) {
      const { organizationId, provider } = addition;
      await authorizeProviderKeys(scope, organizationId, 'providerKey:write');
      const problems = problemsOfSettings(addition);
      const secret = checkProviderSecret(provider, givenSecret);
      if (!secret.ok) problems.push(userError('INVALID_SECRET', secret.error, 'secret'));
      const config = checkConfig(provider, addition.config);
      if (!config.ok) return err([...problems, ...config.error]);
      const baseUrl = addition.baseUrl ?? defaultBaseUrl(provider, config.value) ?? '';
      problems.push(...(await checkAddress(guard, baseUrl, secret.ok ? secret.value.tokenUrl : null)));
      if (!secret.ok || problems.length > 0) return err(problems);

      return withTenant(db, tenantOf(scope.identity), async (tx) => {
        const store = createProviderKeyStore(tx);
        if ((await store.count(organizationId)) >= KEYS_MAX) return err([tooMany()]);
        const id = newUuid(clock.now());
        const ring = await ownerKeyRing(tx, organizationId, masterKey);
        await store.insert({
          ...addition,
          name: addition.name.trim(),
          id,
          ownerId: ring.ownerId,
          baseUrl,
          config: config.value,
          status: 'ENABLED',
          disabledReason: null,
          secret: sealProviderSecret(id, secret.value.secret, ring),
          secretHint: secret.value.hint,
        });
        const [added] = await store.byIds([id]);
        if (!added) throw new Error('a provider key is gone right after it was added');
        const { level, weight } = added;
        await recordAudit(tx, scope.identity, {
          organizationId,
          action: 'providerkey.add',
          target: targetOf(added),
          metadata: { provider, baseUrl, level, weight },
        });
        return ok(added);
      });
    },
  };
}

const tooMany = () =>
  userError('TOO_MANY', `An organization can have ${KEYS_MAX} provider keys. Delete some that are not used.`);
