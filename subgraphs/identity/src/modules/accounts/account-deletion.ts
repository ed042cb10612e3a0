import { recordAudit } from '@weir/graphql/audit';
import { err, ok, type Result } from '@weir/kernel/result';
import { encodeId, type Uuid } from '@weir/kernel/ids';
import { withTenant, type Transaction } from '@weir/prisma/tenant';
import { tenantOf, type ActorScope } from '../../actor-scope.ts';
import { MODEL_LIMITS_MAX } from '../access/limits.ts';
import { absorbAccess, isUnrestricted } from '../access/narrow-access.ts';
import { absorbRouting, hasRules } from '../routing/absorb-routing.ts';
import type { Account } from './account.ts';
import type { AccountDeps } from './account-changes.ts';
import type { AccountProblem } from './account-rules.ts';
import { createAccountStore } from './account-store.ts';
import { createAccountTreeStore, type AccountAccess, type SpendingBound } from './account-tree-store.ts';
import { nodeOf } from './binding-nodes.ts';
import {
  changeableAccount,
  noSuchAccount,
  problem,
  remember,
  STRUCTURE_TIMEOUT_MS,
} from './changeable-account.ts';

export interface AccountDeletionRequest {
  readonly id: Uuid;
  readonly expectedVersion?: number | undefined;
}

export interface DeletedAccount {
  readonly account: Account;
  /** How many accounts moved up with everything below them, and so have another path. */
  readonly movedCount: number;
  /** Active keys of the account itself, which ended with it. */
  readonly revokedKeyCount: number;
}

export type DeletionResult = Result<DeletedAccount, readonly AccountProblem[]>;

export function createAccountDeletion({ db, clock }: AccountDeps) {
  /**
   * Deletes an account: its own keys end, and what is below moves up to its parent and keeps working. What it bound them
   * by (lists, limits, rules of routing, a suspension) is written into its direct children first, so that nobody may do
   * more for it. Budgets and records of the account stay to be read.
   * @throws AppError UNAUTHENTICATED or FORBIDDEN
   */
  return async function remove(scope: ActorScope, request: AccountDeletionRequest): Promise<DeletionResult> {
    const found = await changeableAccount(scope, request.id, 'account:delete');
    if (!found) return err([noSuchAccount]);
    return withTenant(
      db,
      tenantOf(scope.identity),
      (tx) => deleteWithin(tx, scope, found, request, new Date(clock.now())),
      { timeoutMs: STRUCTURE_TIMEOUT_MS },
    );
  };
}

async function deleteWithin(
  tx: Transaction,
  scope: ActorScope,
  { organizationId }: Account,
  { id, expectedVersion }: AccountDeletionRequest,
  at: Date,
): Promise<DeletionResult> {
  const accounts = createAccountStore(tx);
  const tree = createAccountTreeStore(tx);
  await tree.lockTree(organizationId, 'shape');
  const [node] = await accounts.byIds([id]);
  if (!node || node.status === 'DELETED') return err([noSuchAccount]);
  if (node.parentId === null) {
    const message = 'The root of an organization goes with the organization alone.';
    return err([problem('INVALID_KIND', message, 'id')]);
  }
  if (expectedVersion !== undefined && expectedVersion !== node.version) {
    return err([problem('CONFLICT', 'The account has changed meanwhile: read it again.', 'expectedVersion')]);
  }
  const [bound] = await tree.spendingBounds(organizationId, [id]);
  if (bound && (await hasChildren(tree, node))) return err([spendingProblem(bound)]);
  const burdened = await passOn(tree, node);
  if (burdened) return err([burdenProblem(burdened)]);
  const movedCount = await tree.liftChildren(node);
  const revokedKeyCount = await tree.revokeKeysOf(id, at);
  await tree.markDeleted(id, at);
  const [deleted] = await accounts.byIds([id]);
  if (!deleted) return err([noSuchAccount]);
  await recordAudit(tx, scope.identity, {
    organizationId,
    action: 'account.delete',
    target: { type: 'account', id, name: node.name },
    metadata: { parentId: encodeId('account', node.parentId), movedCount, revokedKeyCount },
  });
  return ok({ account: remember(scope, deleted), movedCount, revokedKeyCount });
}

async function hasChildren(tree: ReturnType<typeof createAccountTreeStore>, node: Account): Promise<boolean> {
  const { done } = await tree.childrenOf(node).next();
  return done !== true;
}

/** Money that several accounts share cannot be divided among them by anybody but people. */
function spendingProblem({ kind, name }: SpendingBound): AccountProblem {
  const what = kind === 'BUDGET' ? `The blocking budget "${name}"` : 'Enforced credit';
  const how = kind === 'BUDGET' ? 'archive it or let it warn only' : 'lift its enforcement';
  return problem(
    'BINDS_SPENDING',
    `${what} bounds the accounts below this one: ${how} first, or move them.`,
    'id',
  );
}

function burdenProblem({ name }: Account): AccountProblem {
  return problem(
    'INVALID_MODEL_LIMIT',
    `The account "${name}" would get more than ${MODEL_LIMITS_MAX} limits of models, its own and those of this account: ` +
      'take some of either away first.',
    'id',
  );
}

/** @returns A child that cannot take what bound it; then nothing was passed on. */
async function passOn(
  tree: ReturnType<typeof createAccountTreeStore>,
  node: Account,
): Promise<Account | undefined> {
  const passesAccess = !isUnrestricted(node);
  const passesRules = hasRules(node.routing) || node.status === 'SUSPENDED';
  if (!passesAccess && !passesRules) return undefined;
  const bound = nodeOf(node);
  const children: Account[] = [];
  for await (const child of tree.childrenOf(node)) children.push(child);
  if (passesAccess) {
    const changes: AccountAccess[] = [];
    for (const child of children) {
      const absorbed = absorbAccess(child, bound);
      if (!absorbed) return child;
      changes.push({ id: child.id, ...absorbed });
    }
    await tree.setAccess(changes);
  }
  if (passesRules) {
    await tree.setRules(
      children.map(({ id, routing, status }) => ({
        id,
        routing: absorbRouting(routing, node.routing),
        status: node.status === 'SUSPENDED' ? 'SUSPENDED' : status,
      })),
    );
  }
  return undefined;
}
