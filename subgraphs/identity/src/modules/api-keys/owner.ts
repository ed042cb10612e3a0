import type { Uuid } from '@weir/kernel/ids';
import type { Transaction } from '@weir/prisma/tenant';
import type { MasterKey } from '@weir/service/vault';
import { createAccountStore } from '../accounts/account-store.ts';
import { createProviderKeyStore } from '../provider-keys/provider-key-store.ts';
import type { Owner } from './signing-secret.ts';

/** @throws Error when the organization has no owner's key, which it was created with. */
export async function ownerOf(tx: Transaction, organizationId: Uuid, masterKey: MasterKey): Promise<Owner> {
  const root = await createAccountStore(tx).rootOf(organizationId);
  const ownerKey = root && (await createProviderKeyStore(tx).ownerKey(root.id));
  if (!ownerKey) throw new Error(`organization ${organizationId} has no owner's key`);
  return { ownerId: root.id, ring: { ownerKey, masterKey } };
}
