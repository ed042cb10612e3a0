import type { Uuid } from '@weir/kernel/ids';
import type { Transaction } from '@weir/prisma/tenant';
import type { MasterKey } from '@weir/service/vault';
import { createAccountStore } from '../accounts/account-store.ts';
import { ROOT_DNA } from '../accounts/account.ts';
import type { PlanTier } from '../plans/plan.ts';
import { sealNewOwnerKey } from '../provider-keys/owner-key.ts';
import { createProviderKeyStore } from '../provider-keys/provider-key-store.ts';
import { createOrganizationStore } from './organization-store.ts';

export interface Founding {
  readonly organizationId: Uuid;
  readonly rootAccountId: Uuid;
  readonly name: string;
  /** In the form of `parseSlug`. */
  readonly slug: string;
  /** An IANA name. */
  readonly timeZone: string;
  readonly planTier: PlanTier;
}

/** An organization with its root account and the key of its owner, in a transaction that sees this organization. */
export async function foundOrganization(
  tx: Transaction,
  { organizationId, rootAccountId, name, slug, timeZone, planTier }: Founding,
  masterKey: MasterKey,
): Promise<void> {
  await createOrganizationStore(tx).insert({ id: organizationId, slug, name, timeZone, planTier });
  await createAccountStore(tx).insert({
    id: rootAccountId,
    organizationId,
    parentId: null,
    kind: 'OWNER',
    name,
    dna: ROOT_DNA,
  });
  await createProviderKeyStore(tx).insertOwnerKey(
    organizationId,
    rootAccountId,
    sealNewOwnerKey(rootAccountId, masterKey),
  );
}
