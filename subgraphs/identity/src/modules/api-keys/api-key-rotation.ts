import { recordAudit } from '@weir/graphql/audit';
import { authorize } from '@weir/graphql/authorization';
import { userError } from '@weir/graphql/user-errors';
import { encodeId, newUuid, type Uuid } from '@weir/kernel/ids';
import { err, ok, type Result } from '@weir/kernel/result';
import { newVirtualKey, visibleParts } from '@weir/kernel/virtual-key';
import { withTenant } from '@weir/prisma/tenant';
import { createAccountStore } from '../accounts/account-store.ts';
import { tenantOf, type ActorScope } from '../../actor-scope.ts';
import { hashOfSecret, statusOf, type ApiKey } from './api-key.ts';
import type { ApiKeyDeps } from './api-key-changes.ts';
import { problemsOfExpiry, problemsOfScopes, type ApiKeyProblem } from './api-key-rules.ts';
import { createApiKeyStore } from './api-key-store.ts';
import { ownerKeyRing } from '../provider-keys/owner-key-ring.ts';
import { noSuchKey, reachableKey, remember, targetOf } from './reachable-key.ts';
import { resealSigningSecret } from './signing-secret.ts';

export interface ApiKeyRotationInput {
  readonly id: Uuid;
  /** How long the old key stays valid beside the new one; 0 ends it at once. */
  readonly overlapSeconds: number;
  /** Of the new key. Undefined gives it the life that the old one was given; null does not let it expire. */
  readonly expiresAt: Date | null | undefined;
}

export interface RotatedApiKey {
  readonly apiKey: ApiKey;
  /** Shown once and kept nowhere. */
  readonly secret: string;
  /** The old key, with the expiry that it has now. */
  readonly replaced: ApiKey;
}

export interface ApiKeyRotation {
  /**
   * A new key with another secret and everything else of the old one, which expires when the overlap ends.
   * @throws AppError UNAUTHENTICATED or FORBIDDEN.
   */
  rotate(
    scope: ActorScope,
    input: ApiKeyRotationInput,
  ): Promise<Result<RotatedApiKey, readonly ApiKeyProblem[]>>;
}

const OVERLAP_SECONDS_MAX = 30 * 86_400;

export function createApiKeyRotation({ db, clock, masterKey }: ApiKeyDeps): ApiKeyRotation {
  return {
    async rotate(scope, input) {
      const { id, overlapSeconds } = input;
      const found = await reachableKey(scope, id);
      if (!found) return noSuchKey();
      const { organizationId } = found;
      const actor = authorize(scope.identity, 'apiKey:rotate', { organizationId, apiKeyId: id });
      return withTenant(db, tenantOf(scope.identity), async (tx) => {
        const nowMs = clock.now();
        const store = createApiKeyStore(tx);
        const old = await store.lock(id);
        if (!old) return noSuchKey();
        const successor = await store.successorOf(id);
        const [account] = await createAccountStore(tx).byIds([old.accountId]);
        const expiresAt = input.expiresAt === undefined ? freshExpiry(old, nowMs) : input.expiresAt;
        const problems = [
          ...problemsOfRotation(old, successor, overlapSeconds, nowMs),
          // The new secret is shown to whoever rotates, so that nobody gets one that may do more than they may.
          ...problemsOfScopes(old.scopes, {
            held: scope.identity.permissions,
            isOfRoot: account?.parentId === null,
          }),
          ...problemsOfExpiry(expiresAt, nowMs),
        ];
        if (problems.length > 0) return err(problems);
        const secret = newVirtualKey();
        const newId = newUuid(nowMs);
        const sealed = await store.signingSecret(id);
        const ring = sealed && (await ownerKeyRing(tx, organizationId, masterKey));
        await store.insert({
          ...old,
          ...visibleParts(secret),
          id: newId,
          keyHash: hashOfSecret(secret),
          signingSecret: sealed && ring && resealSigningSecret(sealed, id, newId, ring),
          expiresAt,
          replacesId: id,
          lineageId: old.lineageId ?? id,
          createdBy: actor.type === 'user' ? actor.userId : null,
          createdAt: new Date(nowMs),
        });
        const ends = new Date(Math.min(nowMs + overlapSeconds * 1_000, old.expiresAt?.getTime() ?? Infinity));
        // Whoever rotates knows that the old key ends; nobody has to be told.
        await store.update(id, { ...old, expiresAt: ends }, new Date(nowMs));
        const [first, second] = await store.byIds([id, newId]);
        const [replaced, apiKey] = first?.id === id ? [first, second] : [second, first];
        if (!replaced || !apiKey) throw new Error('keys that were just written are there');
        await recordAudit(tx, scope.identity, {
          organizationId,
          action: 'apikey.rotate',
          target: targetOf(replaced),
          metadata: { replacedBy: encodeId('apiKey', newId), endsAt: ends, expiresAt: apiKey.expiresAt },
        });
        return ok({ apiKey: remember(scope, apiKey), replaced: remember(scope, replaced), secret });
      });
    },
  };
}

/** As long from now as the old key had from its creation. */
function freshExpiry({ createdAt, expiresAt }: ApiKey, nowMs: number): Date | null {
  return expiresAt && new Date(nowMs + expiresAt.getTime() - createdAt.getTime());
}

function problemsOfRotation(
  old: ApiKey,
  successor: ApiKey | undefined,
  overlapSeconds: number,
  nowMs: number,
): ApiKeyProblem[] {
  if (old.revokedAt !== null) {
    return [userError('REVOKED', 'The key is revoked for good: create another one.', 'id')];
  }
  if (statusOf(old, nowMs) === 'EXPIRED') {
    return [
      userError('EXPIRED', 'The key has expired: create another one, or give it another expiry.', 'id'),
    ];
  }
  if (successor && statusOf(successor, nowMs) === 'ACTIVE') {
    const message = `The key was rotated already: rotate the one that ends in ${successor.last4} instead.`;
    return [userError('ALREADY_ROTATED', message, 'id')];
  }
  if (overlapSeconds < 0 || overlapSeconds > OVERLAP_SECONDS_MAX) {
    const message = `The overlap must be 0 to ${OVERLAP_SECONDS_MAX} seconds, which are 30 days.`;
    return [userError('INVALID_OVERLAP', message, 'overlapSeconds')];
  }
  return [];
}
