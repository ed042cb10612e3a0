import { defaultBaseUrl } from '@weir/contracts/provider-config';
import type { AuditAction } from '@weir/contracts/audit';
import { recordAudit } from '@weir/graphql/audit';
import { changesOf } from '@weir/graphql/audit-metadata';
import { requireSignedIn } from '@weir/graphql/authorization';
import { userError } from '@weir/graphql/user-errors';
import type { Uuid } from '@weir/kernel/ids';
import { err, ok, type Result } from '@weir/kernel/result';
import { withTenant, type Transaction } from '@weir/prisma/tenant';
import { tenantOf, type ActorScope } from '../../actor-scope.ts';
import { sealProviderSecret } from './owner-key.ts';
import { ownerKeyRing } from './owner-key-ring.ts';
import { checkAddress } from './provider-address.ts';
import { reachableProviderKey } from './provider-key-access.ts';
import type { ProviderKeyDeps } from './provider-key-deps.ts';
import { createProviderKeyReports } from './provider-key-reports.ts';
import {
  checkConfig,
  isSameOrigin,
  problemsOfReason,
  problemsOfSettings,
  type ProviderConfig,
  type ProviderKeyProblem,
} from './provider-key-rules.ts';
import { createProviderKeyStore, type ProviderKeyChange } from './provider-key-store.ts';
import { checkProviderSecret } from './provider-secret.ts';
import type { ProviderKey, ProviderKeyStatus } from './provider-key.ts';

/** Absent members stay as they are. */
export interface ProviderKeyUpdate {
  readonly name?: string | undefined;
  readonly level?: number | undefined;
  readonly weight?: number | undefined;
  readonly baseUrl?: string | undefined;
  readonly config?: ProviderConfig | undefined;
}

export interface ProviderKeyReplacement {
  readonly secret: string;
  readonly baseUrl?: string | undefined;
}

type Problems = readonly ProviderKeyProblem[];

/** What may be changed of a provider key. Each change is in force on the next request of every proxy. */
export interface ProviderKeyChanges {
  /** The secret stays with the host that it was given for: another host needs `replace`. */
  update(scope: ActorScope, id: Uuid, update: ProviderKeyUpdate): Promise<Result<ProviderKey, Problems>>;
  /** Another secret, and a new beginning: a disabled key serves again, and what was held against the old is forgotten. */
  replace(
    scope: ActorScope,
    id: Uuid,
    replacement: ProviderKeyReplacement,
  ): Promise<Result<ProviderKey, Problems>>;
  setStatus(
    scope: ActorScope,
    id: Uuid,
    status: ProviderKeyStatus,
    reason: string | null,
  ): Promise<Result<ProviderKey, Problems>>;
  remove(scope: ActorScope, id: Uuid): Promise<Result<Uuid, Problems>>;
}

/** The version counts how often the secret was replaced, and is all that is told of it. */
const SETTINGS = [
  'name',
  'level',
  'weight',
  'baseUrl',
  'config',
  'status',
  'disabledReason',
  'keyVersion',
] as const;

/** As the audit trail names it. */
export const targetOf = ({ id, name }: Pick<ProviderKey, 'id' | 'name'>) =>
  ({ type: 'providerKey', id, name }) as const;

export const noSuchProviderKey = () =>
  err([userError('NOT_FOUND', 'There is no provider key with this id.', 'id')] as const);

export function createProviderKeyChanges({ db, masterKey, guard }: ProviderKeyDeps): ProviderKeyChanges {
  async function writable(scope: ActorScope, id: Uuid): Promise<ProviderKey | null> {
    requireSignedIn(scope.identity);
    return reachableProviderKey(scope, id, 'providerKey:write');
  }

  /** Decides on the key as it is at that moment and nobody else can change. */
  async function change(
    scope: ActorScope,
    id: Uuid,
    action: AuditAction,
    decide: (key: ProviderKey, tx: Transaction) => Promise<Result<ProviderKeyChange, Problems>>,
  ): Promise<Result<ProviderKey, Problems>> {
    const changed = await withTenant(db, tenantOf(scope.identity), async (tx) => {
      const store = createProviderKeyStore(tx);
      const key = await store.lock(id);
      if (!key) return noSuchProviderKey();
      const decided = await decide(key, tx);
      if (!decided.ok) return decided;
      await store.change(id, decided.value);
      const [after] = await store.byIds([id]);
      if (!after) return noSuchProviderKey();
      await recordAudit(tx, scope.identity, {
        organizationId: after.organizationId,
        action,
        target: targetOf(after),
        metadata: changesOf(key, after, SETTINGS),
      });
      return ok(after);
    });
    if (changed.ok) scope.loaders.providerKeys.clear(id).prime(id, changed.value);
    return changed;
  }

  return {
    async update(scope, id, update) {
      const found = await writable(scope, id);
      if (!found) return noSuchProviderKey();
      const { provider } = found;
      const problems = problemsOfSettings(update);
      const config = update.config && checkConfig(provider, update.config);
      if (config?.ok === false) return err([...problems, ...config.error]);
      const given = config?.value;
      // Names are resolved before the transaction, which must not wait for others.
      const expected = update.baseUrl ?? baseUrlAfter(found, given ?? found.config);
      if (expected !== found.baseUrl) problems.push(...(await checkAddress(guard, expected, null)));
      if (problems.length > 0) return err(problems);
      return change(scope, id, 'providerkey.update', (key) => {
        // Whatever the update leaves out stays as it is by now, and not as it was found.
        const { name = key.name, level = key.level, weight = key.weight } = update;
        const next = given ?? key.config;
        const baseUrl = update.baseUrl ?? baseUrlAfter(key, next);
        const isKnownHost = isSameOrigin(baseUrl, key.baseUrl) || baseUrl === defaultBaseUrl(provider, next);
        if (!isKnownHost) return Promise.resolve(err([SECRET_REQUIRED]));
        return Promise.resolve(ok({ name: name.trim(), level, weight, baseUrl, config: next }));
      });
    },

    async replace(scope, id, { secret: given, baseUrl: givenUrl }) {
      const found = await writable(scope, id);
      if (!found) return noSuchProviderKey();
      const secret = checkProviderSecret(found.provider, given);
      const baseUrl = givenUrl ?? found.baseUrl;
      const problems = await checkAddress(guard, baseUrl, secret.ok ? secret.value.tokenUrl : null);
      if (!secret.ok) problems.push(userError('INVALID_SECRET', secret.error, 'secret'));
      if (!secret.ok || problems.length > 0) return err(problems);
      const { secret: text, hint } = secret.value;
      return change(scope, id, 'providerkey.replace', async (key, tx) => {
        const ring = await ownerKeyRing(tx, key.organizationId, masterKey);
        // Without an address in the input, the one of this very moment stays.
        if (givenUrl === undefined && key.baseUrl !== baseUrl) return err([SECRET_REQUIRED]);
        await createProviderKeyReports(tx).forget(id);
        return ok({
          baseUrl,
          secret: sealProviderSecret(id, text, ring, key.keyVersion + 1),
          secretHint: hint,
          ...(key.status === 'DISABLED' ? { status: 'ENABLED', disabledReason: null } : {}),
        });
      });
    },

    async setStatus(scope, id, status, reason) {
      if (!(await writable(scope, id))) return noSuchProviderKey();
      const problems = problemsOfReason(reason);
      if (problems.length > 0) return err(problems);
      const disabledReason = status === 'ENABLED' ? null : (reason?.trim() ?? null);
      return change(scope, id, 'providerkey.set_status', () =>
        Promise.resolve(ok({ status, disabledReason })),
      );
    },

    async remove(scope, id) {
      const found = await writable(scope, id);
      if (!found) return noSuchProviderKey();
      const { organizationId } = found;
      const removed = await withTenant(db, tenantOf(scope.identity), async (tx) => {
        if (!(await createProviderKeyStore(tx).remove(id))) return false;
        const target = targetOf(found);
        await recordAudit(tx, scope.identity, { organizationId, action: 'providerkey.delete', target });
        return true;
      });
      scope.loaders.providerKeys.clear(id);
      return removed ? ok(id) : noSuchProviderKey();
    },
  };
}

const SECRET_REQUIRED = userError(
  'SECRET_REQUIRED',
  'Another host needs the secret to be given again: use providerKeyReplace with both.',
  'baseUrl',
);

/** A key at the provider's own address follows its settings there, for example to another region. */
function baseUrlAfter({ provider, baseUrl, config }: ProviderKey, next: ProviderConfig): string {
  const isDefault = baseUrl === defaultBaseUrl(provider, config);
  return (isDefault ? defaultBaseUrl(provider, next) : null) ?? baseUrl;
}
