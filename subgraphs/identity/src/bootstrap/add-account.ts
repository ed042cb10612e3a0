import { newUuid, type Uuid } from '@weir/kernel/ids';
import { withTenant } from '@weir/prisma/tenant';
import type { BootstrapContext } from '../bootstrap.ts';
import { dnaBelow, type AccountKind } from '../modules/accounts/account.ts';
import { createAccountStore } from '../modules/accounts/account-store.ts';
import { BLANK_ROUTING } from '../modules/routing/routing.ts';

export interface AccountAddition {
  readonly organizationId: Uuid;
  readonly parentId: Uuid;
  readonly kind: Exclude<AccountKind, 'OWNER'>;
  readonly name: string;
  /** Which provider keys serve it; default 1. */
  readonly level?: number;
  /** 0 stays on its Level, 1 follows Switch Over, 2 also model failover; default 0. */
  readonly gear?: number;
  /** Default 0. */
  readonly tier?: number;
  /** Parts per million of the price; default 1,000,000. */
  readonly ratesPpm?: bigint;
}

/** @throws Error when the organization has no such parent. */
export async function addAccount({ db, clock }: BootstrapContext, addition: AccountAddition): Promise<Uuid> {
  const { organizationId, parentId } = addition;
  return withTenant(db, { organizationId }, async (tx) => {
    const accounts = createAccountStore(tx);
    const [parent] = await accounts.byIds([parentId]);
    if (!parent) throw new Error(`organization ${organizationId} has no account ${parentId}`);
    const id = newUuid(clock.now());
    const { level = 1, gear = 0, tier, ratesPpm } = addition;
    await accounts.insert({
      ...{ id, organizationId, parentId, kind: addition.kind, name: addition.name, dna: dnaBelow(parent) },
      routing: { ...BLANK_ROUTING, level, gear },
      ...(tier !== undefined && { tier }),
      ...(ratesPpm !== undefined && { ratesPpm }),
    });
    return id;
  });
}
