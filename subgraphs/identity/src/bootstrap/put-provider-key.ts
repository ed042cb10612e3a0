import { providerConfigSchema, type ProviderKind } from '@weir/contracts/provider-config';
import { newUuid, type Uuid } from '@weir/kernel/ids';
import { withTenant } from '@weir/prisma/tenant';
import type { BootstrapContext } from '../bootstrap.ts';
import { sealProviderSecret } from '../modules/provider-keys/owner-key.ts';
import { ownerKeyRing } from '../modules/provider-keys/owner-key-ring.ts';
import { createProviderKeyStore } from '../modules/provider-keys/provider-key-store.ts';

export interface ProviderKeyDefinition {
  readonly organizationId: Uuid;
  /** Finds the key again. */
  readonly name: string;
  readonly provider: ProviderKind;
  /** As the proxy calls it. */
  readonly baseUrl: string;
  readonly secret: string;
  /** Default 1. */
  readonly level?: number;
  /** Its share among the keys of its Level; default 1. */
  readonly weight?: number;
  /** What only this kind of provider needs; default nothing. */
  readonly config?: Readonly<Record<string, unknown>>;
}

/** @throws Error when there is no such organization; VaultError when the master key is another one than before. */
export async function putProviderKey(
  { db, clock, masterKey }: BootstrapContext,
  { secret, level = 1, weight = 1, config = {}, ...definition }: ProviderKeyDefinition,
): Promise<Uuid> {
  const { organizationId, name } = definition;
  return withTenant(db, { organizationId }, async (tx) => {
    const store = createProviderKeyStore(tx);
    const ring = await ownerKeyRing(tx, organizationId, masterKey);
    const existing = await store.idByName(organizationId, name);
    const id = existing ?? newUuid(clock.now());
    const values = {
      ...definition,
      level,
      weight,
      config: providerConfigSchema[definition.provider].parse(config),
      secret: sealProviderSecret(id, secret, ring),
      secretHint: secret.slice(-4),
    };
    if (existing) await store.change(id, values);
    else
      await store.insert({ ...values, id, ownerId: ring.ownerId, status: 'ENABLED', disabledReason: null });
    return id;
  });
}
