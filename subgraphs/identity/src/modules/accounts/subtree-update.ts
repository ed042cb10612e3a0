import { recordAudit } from '@weir/graphql/audit';
import type { Uuid } from '@weir/kernel/ids';
import { err, ok, type Result } from '@weir/kernel/result';
import { withTenant, type Transaction } from '@weir/prisma/tenant';
import { tenantOf, type ActorScope } from '../../actor-scope.ts';
import { changeAccess, type BindingNode } from '../access/access-change.ts';
import { LIST_NAMES } from '../access/access-lists.ts';
import { changesFor } from '../access/cascade-lists.ts';
import type { Account } from './account.ts';
import { authorizeRouting, type AccountDeps } from './account-changes.ts';
import { checkAccountChange, type AccountChange, type AccountProblem } from './account-rules.ts';
import { createAccountStore } from './account-store.ts';
import { createAccountTreeStore } from './account-tree-store.ts';
import { bindingNodesAbove, bindingNodesFrom } from './binding-nodes.ts';
import {
  changeableAccount,
  noSuchAccount,
  problem,
  remember,
  STRUCTURE_TIMEOUT_MS,
} from './changeable-account.ts';
import {
  createSubtreeStore,
  type RewrittenVariant,
  type SameEverywhere,
  type Subtree,
  type Touched,
  type Variant,
} from './subtree-store.ts';
import { topOf } from './visible-subtree.ts';

export interface SubtreeUpdate {
  readonly id: Uuid;
  /** Whether the account itself is changed as well. */
  readonly includesTop: boolean;
  readonly change: Omit<AccountChange, 'name' | 'description'>;
  /** Nothing is changed, and what would be is counted. */
  readonly isDryRun: boolean;
}

export interface UpdatedSubtree {
  readonly account: Account;
  /** How many accounts were looked at. */
  readonly accountCount: number;
  /** How many of them are different now, or would be. */
  readonly changedCount: number;
}

export type SubtreeResult = Result<UpdatedSubtree, readonly AccountProblem[]>;

/** One transaction changes so many at most; a larger tree is changed part by part. */
const ACCOUNTS_MAX = 200_000;
/** Distinct settings that are worked out one by one. */
const VARIANTS_MAX = 20_000;

const NO_CHILDREN = { ratesPpmMin: null, tierMax: null };

export function createSubtreeUpdate({ db }: AccountDeps) {
  /**
   * Gives everything below an account the same settings, or applies the same operations to all of their lists, in one
   * transaction and with one signal to the proxies.
   * @throws AppError UNAUTHENTICATED or FORBIDDEN
   */
  return async function updateSubtree(scope: ActorScope, request: SubtreeUpdate): Promise<SubtreeResult> {
    const { id, includesTop, change } = request;
    const found = await changeableAccount(scope, id, 'account:update', includesTop ? 'below' : 'own');
    if (!found) return err([noSuchAccount]);
    authorizeRouting(scope, found.organizationId, change, await topOf(scope));
    return withTenant(db, tenantOf(scope.identity), (tx) => updateWithin(tx, scope, found, request), {
      timeoutMs: STRUCTURE_TIMEOUT_MS,
    });
  };
}

async function updateWithin(
  tx: Transaction,
  scope: ActorScope,
  { organizationId }: Account,
  { id, includesTop, change, isDryRun }: SubtreeUpdate,
): Promise<SubtreeResult> {
  const accounts = createAccountStore(tx);
  await createAccountTreeStore(tx).lockTree(organizationId, 'shape');
  const [top] = await accounts.byIds([id]);
  if (!top || top.status === 'DELETED') return err([noSuchAccount]);
  const subtree: Subtree = { top, includesTop };
  const store = createSubtreeStore(tx);
  const accountCount = await store.count(subtree);
  if (accountCount > ACCOUNTS_MAX) return err([tooMany(`${ACCOUNTS_MAX} accounts`)]);
  const same = await sameEverywhere(tx, subtree, change);
  if (!same.ok) return same;
  const touched = touchedBy(change);
  const variants = await store.variants(subtree, touched);
  if (variants.length > VARIANTS_MAX) return err([tooMany(`${VARIANTS_MAX} different lists and limits`)]);
  const above = includesTop ? await bindingNodesAbove(tx, top) : await bindingNodesFrom(tx, top);
  const rewritten = rewriteAll(variants, change, above);
  if (!rewritten.ok) return rewritten;
  const changedCount = await store.rewrite(subtree, touched, rewritten.value, same.value, isDryRun);
  const [updated] = await accounts.byIds([id]);
  if (!updated) return err([noSuchAccount]);
  if (!isDryRun) {
    await recordAudit(tx, scope.identity, {
      organizationId,
      action: 'account.update_subtree',
      target: { type: 'account', id, name: updated.name },
      metadata: { ...change, includesTop, accountCount, changedCount },
    });
  }
  return ok({ account: remember(scope, updated), accountCount, changedCount });
}

const tooMany = (what: string): AccountProblem =>
  problem('TOO_MANY_ACCOUNTS', `One change is for at most ${what}: change the tree part by part.`, 'id');

function touchedBy({ access, limits, modelLimits }: SubtreeUpdate['change']): Touched {
  return {
    allowIps: access?.allowIps !== undefined,
    allowModels: access?.allowModels !== undefined,
    allowLevels: access?.allowLevels !== undefined,
    resources: access?.resources !== undefined,
    limits: limits !== undefined,
    modelLimits: modelLimits !== undefined,
  };
}

/** What does not depend on what an account had before: the same for all, so it is within all bounds if it is within those above. */
async function sameEverywhere(
  tx: Transaction,
  { top, includesTop }: Subtree,
  { routing, tier, rates }: SubtreeUpdate['change'],
): Promise<Result<SameEverywhere, readonly AccountProblem[]>> {
  const [parent] =
    !includesTop || top.parentId === null ? [top] : await createAccountStore(tx).byIds([top.parentId]);
  const isRoot = includesTop && top.parentId === null;
  const bounds = { above: [], parent: isRoot ? undefined : parent, children: NO_CHILDREN };
  const checked = checkAccountChange(top, { routing, tier, rates }, bounds);
  if (!checked.ok) return checked;
  const { value } = checked;
  const members = Object.entries(routing ?? {}).flatMap(([member, given]) =>
    given === undefined ? [] : [[member, value.routing[member as keyof Account['routing']]] as const],
  );
  return ok({
    routing: Object.fromEntries(members),
    tier: tier === undefined ? undefined : value.tier,
    ratesPpm: rates === undefined ? undefined : value.ratesPpm,
  });
}

function rewriteAll(
  variants: readonly Variant[],
  { access, limits, modelLimits }: SubtreeUpdate['change'],
  above: readonly BindingNode[],
): Result<readonly RewrittenVariant[], readonly AccountProblem[]> {
  const rewritten: RewrittenVariant[] = [];
  const problems = new Map<string, AccountProblem>();
  for (const { key, settings } of variants) {
    const changes = access && changesFor(settings.access, access);
    const changed = changeAccess(settings, { access: changes, limits, modelLimits }, above);
    if (changed.ok) rewritten.push({ key, settings: changed.value });
    else for (const wrong of changed.error) problems.set(JSON.stringify(wrong), wrong);
  }
  return problems.size > 0 ? err([...problems.values()].slice(0, LIST_NAMES.length * 5)) : ok(rewritten);
}
