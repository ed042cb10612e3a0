import type { Db } from '@weir/prisma/database';
import type { BindingNode } from '../access/access-change.ts';
import { UNRESTRICTED } from '../access/access-lists.ts';
import { createOrganizationStore } from '../organizations/organization-store.ts';
import { effectiveLimits } from '../organizations/organization.ts';
import { ancestorIdsOf, type Account } from './account.ts';
import { createAccountStore } from './account-store.ts';

/** Whatever binds an account from above, the nearest first: the accounts up to the root, then the organization. */
export async function bindingNodesAbove(
  db: Db,
  account: Pick<Account, 'dna' | 'organizationId'>,
): Promise<readonly BindingNode[]> {
  const ancestors = await createAccountStore(db).byIds(ancestorIdsOf(account));
  const [organization] = await createOrganizationStore(db).byIds([account.organizationId]);
  const accounts = ancestors.toSorted((a, b) => b.dna.length - a.dna.length).map(nodeOf);
  if (!organization) return accounts;
  const title = `the organization "${organization.name}"`;
  return [...accounts, { title, access: UNRESTRICTED, ...effectiveLimits(organization) }];
}

/** What binds whatever is put on an account or directly below it: the account itself, and what binds that. */
export async function bindingNodesFrom(db: Db, account: Account): Promise<readonly BindingNode[]> {
  return [nodeOf(account), ...(await bindingNodesAbove(db, account))];
}

export function nodeOf({ id, name, access, limits, modelLimits }: Account): BindingNode {
  return { id, title: `the account "${name}"`, access, limits, modelLimits };
}
