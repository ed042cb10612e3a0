import type { InternalIdentity } from '@weir/contracts/internal-identity';
import { recordAudit } from '@weir/graphql/audit';
import { changesOf } from '@weir/graphql/audit-metadata';
import { authorize, canSee, requireSignedIn } from '@weir/graphql/authorization';
import type { Clock } from '@weir/kernel/clock';
import { AppError } from '@weir/kernel/errors';
import { newUuid, type Uuid } from '@weir/kernel/ids';
import { businessDate } from '@weir/kernel/period';
import { err, ok, type Result } from '@weir/kernel/result';
import type { Database } from '@weir/prisma/database';
import { withTenant, type Transaction } from '@weir/prisma/tenant';
import { queryOfTransaction } from '../../query.ts';
import { reachOf } from '../../reach.ts';
import type { TenantReader } from '../../tenant-reader.ts';
import { lockAlerts, raiseDueAlerts } from '../alerts/raise-alerts.ts';
import type { Budget } from './budget.ts';
import { budgetDefaultsOf } from './budget-defaults.ts';
import { periodDates } from './budget-period.ts';
import { checkSettings, type BudgetProblem, type BudgetSettings } from './budget-rules.ts';
import { readZone } from './budget-standing.ts';
import { createBudgetReads, type BudgetPosition } from './budget-reads.ts';
import { createBudgetStore } from './budget-store.ts';

export interface CreateBudgetInput {
  readonly organizationId: Uuid;
  readonly name: string;
  readonly accountId?: Uuid | undefined;
  readonly apiKeyId?: Uuid | undefined;
  readonly metric: Budget['metric'];
  /** US dollars for COST, a whole number otherwise. */
  readonly limit: string;
  readonly period: Budget['period'];
  readonly models?: readonly string[] | null | undefined;
  /** What the organization has chosen unless told; so are the others. */
  readonly enforcement?: Budget['enforcement'] | undefined;
  readonly thresholds?: readonly number[] | undefined;
  readonly graceMinutes?: number | undefined;
}

export interface UpdateBudgetInput extends Omit<BudgetSettings, 'models'> {
  readonly id: Uuid;
  readonly enforcement?: Budget['enforcement'] | undefined;
  readonly isArchived?: boolean | undefined;
  readonly expectedVersion?: number | undefined;
}

export type BudgetResult = Result<Budget, readonly BudgetProblem[]>;

export interface BudgetService {
  /** @throws AppError UNAUTHENTICATED, NOT_FOUND (another organization) or FORBIDDEN */
  create(identity: InternalIdentity, input: CreateBudgetInput): Promise<BudgetResult>;
  /** @throws AppError UNAUTHENTICATED or FORBIDDEN; a budget of another organization is a problem NOT_FOUND. */
  update(identity: InternalIdentity, input: UpdateBudgetInput): Promise<BudgetResult>;
  /** Undefined when the actor may not see the organization. */
  list(
    identity: InternalIdentity,
    organizationId: Uuid,
    page: { isArchived: boolean; take: number; after: BudgetPosition | undefined },
  ): Promise<readonly Budget[] | undefined>;
}

export interface BudgetServiceDeps {
  readonly db: Database;
  readonly reader: TenantReader;
  readonly clock: Clock;
}

const SETTINGS = [
  'name',
  'limit',
  'models',
  'enforcement',
  'thresholds',
  'graceMinutes',
  'isArchived',
] as const;

const problem = (
  code: BudgetProblem['code'],
  message: string,
  field: readonly string[] | null,
): BudgetProblem => ({ code, message, field });

/**
 * Spend that was there before the budget, or before its limit came down, raises its alerts at once: no row of the log
 * may ever come again to do it.
 */
async function raiseAtOnce(tx: Transaction, budget: Budget, clock: Clock): Promise<void> {
  if (budget.isArchived) return;
  const query = queryOfTransaction(tx);
  await lockAlerts(query);
  const today = businessDate(clock.now(), await readZone(query, budget.organizationId));
  await raiseDueAlerts(query, [{ budget, range: periodDates(budget.period, today) }]);
}

function targetOf(
  input: CreateBudgetInput,
): Result<Pick<Budget, 'nodeKind' | 'nodeId'> & { readonly field: string }, BudgetProblem> {
  const { organizationId, accountId, apiKeyId } = input;
  if (accountId !== undefined && apiKeyId !== undefined) {
    return err(problem('AMBIGUOUS_TARGET', 'Give an account or an API key, not both.', ['apiKeyId']));
  }
  if (accountId !== undefined) return ok({ nodeKind: 'ACCOUNT', nodeId: accountId, field: 'accountId' });
  if (apiKeyId !== undefined) return ok({ nodeKind: 'API_KEY', nodeId: apiKeyId, field: 'apiKeyId' });
  return ok({ nodeKind: 'ORGANIZATION', nodeId: organizationId, field: 'organizationId' });
}

const missingTarget = (field: string): BudgetProblem =>
  problem('TARGET_NOT_FOUND', 'The organization has no such account or API key.', [field]);

/**
 * Whether the actor has a say in the budgets of a node that they can see. A budget on an API key's own account is for
 * those above to set.
 * @throws AppError FORBIDDEN for that one.
 */
async function decidesAbout(
  tx: Transaction,
  identity: InternalIdentity,
  { organizationId, nodeId }: Pick<Budget, 'organizationId' | 'nodeId'>,
): Promise<boolean> {
  const place = await reachOf(queryOfTransaction(tx), identity, organizationId).placeOf(nodeId);
  if (place === 'OWN') {
    const message = 'An API key has a say in the budgets of accounts below its own, not of its own.';
    throw new AppError('FORBIDDEN', message);
  }
  return place !== null;
}

/** Adds a budget in the caller's transaction, after every rule was checked. */
export async function createBudget(
  tx: Transaction,
  input: CreateBudgetInput,
  clock: Clock,
): Promise<BudgetResult> {
  const { problems, settings } = checkSettings(input.metric, input);
  const target = targetOf(input);
  if (!target.ok) return err([target.error, ...problems]);
  const { nodeKind, nodeId, field } = target.value;
  const store = createBudgetStore(tx);
  const hasNode = await store.hasNode(input.organizationId, nodeKind, nodeId);
  if (!hasNode) return err([missingTarget(field), ...problems]);
  const { name, limit } = settings;
  if (problems.length > 0 || name === undefined || limit === undefined) return err(problems);
  const defaults = await budgetDefaultsOf(tx, input.organizationId);
  const budget = await store.insert({
    id: newUuid(clock.now()),
    organizationId: input.organizationId,
    name,
    nodeKind,
    nodeId,
    metric: input.metric,
    limit,
    period: input.period,
    models: input.models ?? null,
    enforcement: input.enforcement ?? defaults.enforcement,
    thresholds: input.thresholds ?? defaults.thresholds,
    graceMinutes: input.graceMinutes ?? defaults.graceMinutes,
  });
  await raiseAtOnce(tx, budget, clock);
  return ok(budget);
}

async function updateBudget(
  tx: Transaction,
  identity: InternalIdentity,
  input: UpdateBudgetInput,
  clock: Clock,
): Promise<BudgetResult> {
  const store = createBudgetStore(tx);
  const current = await store.lock(input.id);
  const noSuchBudget = err([problem('NOT_FOUND', 'There is no such budget.', ['id'])]);
  if (!current) return noSuchBudget;
  if (!(await decidesAbout(tx, identity, current))) return noSuchBudget;
  const { problems, settings } = checkSettings(current.metric, input);
  if (problems.length > 0) return err(problems);
  if (input.expectedVersion !== undefined && input.expectedVersion !== current.version) {
    return err([
      problem('CONFLICT', 'The budget has changed meanwhile; read it again.', ['expectedVersion']),
    ]);
  }
  const budget = await store.update(input.id, {
    ...settings,
    ...(input.enforcement === undefined ? {} : { enforcement: input.enforcement }),
    ...(input.isArchived === undefined ? {} : { isArchived: input.isArchived }),
  });
  await raiseAtOnce(tx, budget, clock);
  await recordAudit(tx, identity, {
    organizationId: budget.organizationId,
    action: 'budget.update',
    target: { type: 'budget', id: budget.id, name: budget.name },
    metadata: changesOf(current, budget, SETTINGS),
  });
  return ok(budget);
}

export function createBudgetService({ db, reader, clock }: BudgetServiceDeps): BudgetService {
  return {
    async create(identity, input) {
      const { organizationId } = input;
      authorize(identity, 'budget:create', { organizationId });
      return withTenant(db, { organizationId }, async (tx) => {
        const target = targetOf(input);
        if (target.ok && !(await decidesAbout(tx, identity, { organizationId, ...target.value }))) {
          return err([missingTarget(target.value.field)]);
        }
        const created = await createBudget(tx, input, clock);
        if (created.ok) {
          const { id, name, nodeKind, metric, limit, period, enforcement } = created.value;
          await recordAudit(tx, identity, {
            organizationId,
            action: 'budget.create',
            target: { type: 'budget', id, name },
            metadata: { nodeKind, metric, limit, period, enforcement },
          });
        }
        return created;
      });
    },
    async update(identity, input) {
      requireSignedIn(identity);
      const { organizationId } = identity;
      if (organizationId === null) return err([problem('NOT_FOUND', 'There is no such budget.', ['id'])]);
      authorize(identity, 'budget:update', { organizationId, budgetId: input.id });
      return withTenant(db, { organizationId }, (tx) => updateBudget(tx, identity, input, clock));
    },
    async list(identity, organizationId, { isArchived, take, after }) {
      if (!canSee(identity, 'budget:read', { organizationId })) return undefined;
      return reader.read(organizationId, (query) =>
        createBudgetReads(query).list({
          ...{ organizationId, isArchived, take, after },
          top: reachOf(query, identity, organizationId).top,
        }),
      );
    },
  };
}
