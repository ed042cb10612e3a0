import { newUuid, type Uuid } from '@weir/kernel/ids';
import { isWellFormedVirtualKey, newVirtualKey, visibleParts } from '@weir/kernel/virtual-key';
import { withTenant } from '@weir/prisma/tenant';
import type { BootstrapContext } from '../bootstrap.ts';
import { UNRESTRICTED } from '../modules/access/access-lists.ts';
import { hashOfSecret, type DisconnectPolicy } from '../modules/api-keys/api-key.ts';
import { createApiKeyStore } from '../modules/api-keys/api-key-store.ts';
import type { Scope } from '@weir/contracts/permission-matrix';

export interface ApiKeyAddition {
  readonly organizationId: Uuid;
  readonly accountId: Uuid;
  readonly name: string;
  readonly scopes: readonly Scope[];
  /** A virtual key to use; a new one is made without it. */
  readonly secret?: string;
  readonly expiresAt?: Date;
  /** Default ABORT. */
  readonly disconnectPolicy?: DisconnectPolicy;
}

export interface AddedApiKey {
  readonly apiKeyId: Uuid;
  readonly secret: string;
}

/** @throws TypeError when the given secret is no virtual key; Error when the account is not the organization's. */
export async function addApiKey(
  { db, clock }: BootstrapContext,
  addition: ApiKeyAddition,
): Promise<AddedApiKey> {
  const { organizationId, accountId, name, scopes } = addition;
  const secret = addition.secret ?? newVirtualKey();
  if (!isWellFormedVirtualKey(secret)) throw new TypeError('the given secret is no virtual key');
  const keyHash = hashOfSecret(secret);
  return withTenant(db, { organizationId }, async (tx) => {
    const apiKeys = createApiKeyStore(tx);
    const existing = await apiKeys.byHash(keyHash);
    if (existing) return { apiKeyId: existing.id, secret };
    const id = newUuid(clock.now());
    await apiKeys.insert({
      id,
      organizationId,
      accountId,
      name,
      scopes,
      ...visibleParts(secret),
      keyHash,
      expiresAt: addition.expiresAt ?? null,
      disconnectPolicy: addition.disconnectPolicy ?? 'ABORT',
      environment: 'PRODUCTION',
      requiresSignature: false,
      signingSecret: null,
      replacesId: null,
      lineageId: null,
      access: UNRESTRICTED,
      limits: {},
      modelLimits: [],
      createdBy: null,
      createdAt: new Date(clock.now()),
    });
    return { apiKeyId: id, secret };
  });
}
