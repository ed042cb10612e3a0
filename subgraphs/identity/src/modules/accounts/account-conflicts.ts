import type { Uuid } from '@weir/kernel/ids';
import { formatRates } from '@weir/kernel/rates';
import type { Transaction } from '@weir/prisma/tenant';
import type { BindingNode } from '../access/access-change.ts';
import { isUnrestricted, problemsBelow } from '../access/narrow-access.ts';
import { ancestorIdsOf, type Account } from './account.ts';
import type { AccountProblem } from './account-rules.ts';
import type { BoundAccount, createAccountTreeStore } from './account-tree-store.ts';
import { bindingNodesFrom } from './binding-nodes.ts';

/** A setting of a moved account that its new place does not allow. */
export interface AccountConflict {
  readonly accountId: Uuid;
  readonly code: AccountProblem['code'];
  readonly message: string;
  readonly field: readonly string[] | null;
}

/** Nodes that bind the account at its new place and do not where it is, the nearest first. */
export async function bindingNodesGained(
  tx: Transaction,
  node: Account,
  parent: Account,
): Promise<readonly BindingNode[]> {
  const present = new Set<string>(ancestorIdsOf(node));
  const nodes = await bindingNodesFrom(tx, parent);
  return nodes.filter(({ id }) => id !== undefined && !present.has(id));
}

/** Accounts of the moved part with lists or limits that the gained nodes do not allow. */
export async function misfitsBelow(
  tree: ReturnType<typeof createAccountTreeStore>,
  node: Account,
  gained: readonly BindingNode[],
): Promise<readonly BoundAccount[]> {
  if (gained.every(isUnrestricted)) return [];
  const misfits: BoundAccount[] = [];
  for await (const account of tree.restrictedWithin(node)) {
    if (problemsBelow(account, gained).length > 0) misfits.push(account);
  }
  return misfits;
}

/** What is wrong with the lists and limits of one of them. */
export function conflictsOf(
  account: BoundAccount,
  gained: readonly BindingNode[],
): readonly AccountConflict[] {
  return problemsBelow(account, gained).map(({ code, message, field }) => ({
    accountId: account.id,
    code,
    message,
    field,
  }));
}

/** What is wrong with its Tier and Rates. */
export function conflictsOfBounds(
  account: { readonly id: string; readonly tier: number; readonly ratesPpm: bigint },
  parent: Account,
): readonly AccountConflict[] {
  const accountId = account.id as Uuid;
  const conflicts: AccountConflict[] = [];
  if (account.tier > parent.tier) {
    const message = `The Tier ${account.tier} is above ${parent.tier}, the Tier of the account "${parent.name}".`;
    conflicts.push({ accountId, code: 'INVALID_TIER', message, field: ['tier'] });
  }
  if (account.ratesPpm < parent.ratesPpm) {
    const message = `The Rates ${formatRates(account.ratesPpm)} are below ${formatRates(parent.ratesPpm)}, the Rates of the account "${parent.name}".`;
    conflicts.push({ accountId, code: 'INVALID_RATES', message, field: ['rates'] });
  }
  return conflicts;
}
