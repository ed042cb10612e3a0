import { recordAudit } from '@weir/graphql/audit';
import { authorize } from '@weir/graphql/authorization';
import { userError } from '@weir/graphql/user-errors';
import type { Uuid } from '@weir/kernel/ids';
import { err, ok, type Result } from '@weir/kernel/result';
import { withTenant, type Transaction } from '@weir/prisma/tenant';
import { tenantOf, type ActorScope } from '../../actor-scope.ts';
import type { ApiKey } from './api-key.ts';
import type { ApiKeyDeps } from './api-key-changes.ts';
import type { ApiKeyProblem } from './api-key-rules.ts';
import { createApiKeyStore } from './api-key-store.ts';
import { ownerKeyRing } from '../provider-keys/owner-key-ring.ts';
import { noSuchKey, reachableKey, remember, targetOf } from './reachable-key.ts';
import { newSigningSecret, sealSigningSecret } from './signing-secret.ts';

export interface CreatedSigningSecret {
  readonly apiKey: ApiKey;
  /** Shown once; kept sealed. */
  readonly signingSecret: string;
}

/** Each rejects with AppError UNAUTHENTICATED or FORBIDDEN. */
export interface SigningSecrets {
  /** A new secret in place of the present one, which signs nothing from then on. */
  createSigningSecret(
    scope: ActorScope,
    id: Uuid,
    isRequired: boolean,
  ): Promise<Result<CreatedSigningSecret, readonly ApiKeyProblem[]>>;
  /** Idempotent. Requests need no signature any more. */
  removeSigningSecret(scope: ActorScope, id: Uuid): Promise<Result<ApiKey, readonly ApiKeyProblem[]>>;
}

export function createSigningSecrets({ db, masterKey }: ApiKeyDeps): SigningSecrets {
  /** In one transaction, on a key that the actor may renew and that is not revoked. */
  async function change<T>(
    scope: ActorScope,
    id: Uuid,
    work: (tx: Transaction, apiKey: ApiKey) => Promise<Result<T, readonly ApiKeyProblem[]>>,
  ): Promise<Result<T, readonly ApiKeyProblem[]>> {
    const found = await reachableKey(scope, id);
    if (!found) return noSuchKey();
    authorize(scope.identity, 'apiKey:rotate', { organizationId: found.organizationId, apiKeyId: id });
    return withTenant(db, tenantOf(scope.identity), async (tx) => {
      const current = await createApiKeyStore(tx).lock(id);
      if (!current) return noSuchKey();
      if (current.revokedAt === null) return work(tx, current);
      return err([userError('REVOKED', 'The key is revoked for good: create another one.', 'id')]);
    });
  }

  return {
    createSigningSecret: (scope, id, isRequired) =>
      change(scope, id, async (tx, { organizationId }) => {
        const signingSecret = newSigningSecret();
        const sealed = sealSigningSecret(
          signingSecret,
          id,
          await ownerKeyRing(tx, organizationId, masterKey),
        );
        const store = createApiKeyStore(tx);
        await store.setSigningSecret(id, sealed, isRequired);
        const [apiKey] = await store.byIds([id]);
        if (apiKey) {
          await recordAudit(tx, scope.identity, {
            organizationId,
            action: 'apikey.signing_secret.create',
            target: targetOf(apiKey),
            metadata: { isRequired },
          });
        }
        return apiKey ? ok({ apiKey: remember(scope, apiKey), signingSecret }) : noSuchKey();
      }),

    removeSigningSecret: (scope, id) =>
      change(scope, id, async (tx) => {
        const store = createApiKeyStore(tx);
        await store.setSigningSecret(id, null, false);
        const [apiKey] = await store.byIds([id]);
        if (!apiKey) return noSuchKey();
        const { organizationId } = apiKey;
        const target = targetOf(apiKey);
        await recordAudit(tx, scope.identity, {
          organizationId,
          action: 'apikey.signing_secret.delete',
          target,
        });
        return ok(remember(scope, apiKey));
      }),
  };
}
