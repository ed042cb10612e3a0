import type { Uuid } from '@weir/kernel/ids';
import type { Transaction } from '@weir/prisma/tenant';
import type { MasterKey } from '@weir/service/vault';
import { createAccountStore } from '../accounts/account-store.ts';
import { createProviderKeyStore } from './provider-key-store.ts';
import type { OwnerKeyRing } from './owner-key.ts';

/** @throws Error when the organization has no owner's key, which it was created with. */
export async function ownerKeyRing(
  tx: Transaction,
  organizationId: Uuid,
  masterKey: MasterKey,
): Promise<OwnerKeyRing> {
  const root = await createAccountStore(tx).rootOf(organizationId);
  const ownerKey = root && (await createProviderKeyStore(tx).ownerKey(root.id));
  if (!ownerKey) throw new Error(`organization ${organizationId} has no owner's key`);
  return { ownerId: root.id, ownerKey, masterKey };
}
