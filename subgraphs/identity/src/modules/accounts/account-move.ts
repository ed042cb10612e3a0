import { recordAudit } from '@weir/graphql/audit';
import { decide } from '@weir/graphql/authorization';
import { AppError } from '@weir/kernel/errors';
import { encodeId, type Uuid } from '@weir/kernel/ids';
import { err, ok, type Result } from '@weir/kernel/result';
import { withTenant, type Transaction } from '@weir/prisma/tenant';
import { tenantOf, type ActorScope } from '../../actor-scope.ts';
import { narrowAccess } from '../access/narrow-access.ts';
import { ancestorIdsOf, depthOf, isWithin, type Account } from './account.ts';
import type { AccountDeps } from './account-changes.ts';
import {
  bindingNodesGained,
  conflictsOf,
  conflictsOfBounds,
  misfitsBelow,
  type AccountConflict,
} from './account-conflicts.ts';
import { DEPTH_MAX, type AccountProblem } from './account-rules.ts';
import { createAccountStore } from './account-store.ts';
import { createAccountTreeStore } from './account-tree-store.ts';
import {
  belowMachine,
  changeableAccount,
  noSuchAccount,
  problem,
  remember,
  STRUCTURE_TIMEOUT_MS,
} from './changeable-account.ts';
import { topOf } from './visible-subtree.ts';

export interface AccountMove {
  readonly id: Uuid;
  readonly parentId: Uuid;
  /** REFUSE lists what does not fit; NARROW makes it fit. */
  readonly onConflict: 'REFUSE' | 'NARROW';
  readonly expectedVersion?: number | undefined;
}

export interface MovedAccount {
  readonly account: Account;
  /** How many accounts were put elsewhere, the moved one among them. */
  readonly movedCount: number;
  /** How many of them had lists or limits narrowed. */
  readonly narrowedCount: number;
}

export interface RefusedMove {
  readonly problems: readonly AccountProblem[];
  /** The first hundred. */
  readonly conflicts: readonly AccountConflict[];
}

export type MoveResult = Result<MovedAccount, RefusedMove>;

const CONFLICTS_MAX = 100;

const refused = (...problems: readonly AccountProblem[]): MoveResult => err({ problems, conflicts: [] });

export function createAccountMove({ db }: AccountDeps) {
  /**
   * Puts an account with everything below it under another parent, in one transaction.
   * @throws AppError UNAUTHENTICATED or FORBIDDEN
   */
  return async function move(scope: ActorScope, request: AccountMove): Promise<MoveResult> {
    const found = await changeableAccount(scope, request.id, 'account:move');
    if (!found) return refused(noSuchAccount);
    const [parent, top] = await Promise.all([scope.loaders.accounts.load(request.parentId), topOf(scope)]);
    const isHidden = !parent || (top !== undefined && !isWithin(parent, top));
    if (isHidden || parent.status === 'DELETED') return refused(noSuchParent);
    return withTenant(db, tenantOf(scope.identity), (tx) => moveWithin(tx, scope, found, request), {
      timeoutMs: STRUCTURE_TIMEOUT_MS,
    });
  };
}

const noSuchParent = problem('PARENT_NOT_FOUND', 'There is no account with this id.', 'parentId');

async function moveWithin(
  tx: Transaction,
  scope: ActorScope,
  { organizationId }: Account,
  { id, parentId, onConflict, expectedVersion }: AccountMove,
): Promise<MoveResult> {
  const accounts = createAccountStore(tx);
  const tree = createAccountTreeStore(tx);
  await tree.lockTree(organizationId, 'shape');
  const rows = await accounts.byIds([id, parentId]);
  const node = rows.find((row) => row.id === id);
  const parent = rows.find((row) => row.id === parentId);
  if (!node || node.status === 'DELETED') return refused(noSuchAccount);
  if (!parent || parent.status === 'DELETED') return refused(noSuchParent);
  if (expectedVersion !== undefined && expectedVersion !== node.version) {
    return refused(
      problem('CONFLICT', 'The account has changed meanwhile: read it again.', 'expectedVersion'),
    );
  }
  const wrong = await problemOfPlace(tree, node, parent);
  if (wrong) return refused(wrong);
  if (node.parentId === parent.id) return ok({ account: node, movedCount: 0, narrowedCount: 0 });
  await authorizeLeaving(tx, scope, node, parent);
  const gained = await bindingNodesGained(tx, node, parent);
  const bounds = { tierMax: parent.tier, ratesPpmMin: parent.ratesPpm };
  const misfits = await misfitsBelow(tree, node, gained);
  if (onConflict === 'REFUSE') {
    const beyond = await tree.beyondBounds(node, bounds, CONFLICTS_MAX);
    const conflicts = [
      ...misfits.flatMap((account) => conflictsOf(account, gained)),
      ...beyond.flatMap((account) => conflictsOfBounds(account, parent)),
    ];
    if (conflicts.length > 0) return refusedForConflicts(conflicts);
  }
  await tree.setAccess(misfits.map((account) => ({ id: account.id, ...narrowAccess(account, gained) })));
  const movedCount = await tree.relocate(node, parent, bounds);
  const [moved] = await accounts.byIds([id]);
  if (!moved) return refused(noSuchAccount);
  await recordAudit(tx, scope.identity, {
    organizationId,
    action: 'account.move',
    target: { type: 'account', id, name: moved.name },
    metadata: {
      from: node.parentId && encodeId('account', node.parentId),
      to: encodeId('account', parent.id),
      ...{ movedCount, narrowedCount: misfits.length },
    },
  });
  return ok({ account: remember(scope, moved), movedCount, narrowedCount: misfits.length });
}

async function problemOfPlace(
  tree: ReturnType<typeof createAccountTreeStore>,
  node: Account,
  parent: Account,
): Promise<AccountProblem | undefined> {
  if (node.parentId === null) {
    return problem('INVALID_KIND', 'The root of an organization stays where it is.', 'id');
  }
  if (parent.kind === 'SERVICE_ACCOUNT') return belowMachine('parentId');
  if (isWithin(parent, node)) {
    const message = 'An account cannot be put below itself: choose a parent outside of its own subtree.';
    return problem('CYCLE', message, 'parentId');
  }
  const height = (await tree.depthWithin(node)) - depthOf(node);
  if (depthOf(parent) + 1 + height >= DEPTH_MAX) {
    return problem('TOO_DEEP', `Accounts can be at most ${DEPTH_MAX} deep.`, 'parentId');
  }
  return undefined;
}

/**
 * A move takes a subtree out from under what bounds its spending, which only those may do who may lift that themselves.
 */
async function authorizeLeaving(
  tx: Transaction,
  { identity }: ActorScope,
  node: Account,
  parent: Account,
): Promise<void> {
  const { organizationId } = node;
  const kept = new Set([...ancestorIdsOf(parent), parent.id]);
  const left = ancestorIdsOf(node).filter((id) => !kept.has(id));
  const [bound] = await createAccountTreeStore(tx).spendingBounds(organizationId, left);
  if (!bound) return;
  const isBudget = bound.kind === 'BUDGET';
  if (isBudget && decide(identity, 'budget:create', { organizationId }) === 'allowed') return;
  if (!isBudget && decide(identity, 'billing:write', { organizationId }) === 'allowed') return;
  const what = isBudget ? `the blocking budget "${bound.name}"` : 'enforced credit';
  const permission = isBudget ? 'org.budget.write' : 'org.billing.write';
  throw new AppError('FORBIDDEN', `The account would leave ${what} above it, which needs ${permission}.`);
}

function refusedForConflicts(conflicts: readonly AccountConflict[]): MoveResult {
  const message =
    'Settings below the account go beyond what its new place allows: see conflicts, or have them narrowed with onConflict.';
  return err({
    problems: [problem('MOVE_CONFLICT', message, 'parentId')],
    conflicts: conflicts.slice(0, CONFLICTS_MAX),
  });
}
