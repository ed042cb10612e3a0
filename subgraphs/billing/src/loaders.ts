import DataLoader from 'dataloader';
import type { InternalIdentity } from '@weir/contracts/internal-identity';
import { decide } from '@weir/graphql/authorization';
import { createRowLoader, createRowsLoader } from '@weir/graphql/loader';
import type { Clock } from '@weir/kernel/clock';
import type { Uuid } from '@weir/kernel/ids';
import type { Database } from '@weir/prisma/database';
import { withTenant, type Transaction } from '@weir/prisma/tenant';
import { createAlertStore } from './modules/alerts/alert-store.ts';
import type { BudgetAlert } from './modules/alerts/budget-alert.ts';
import type { Budget } from './modules/budgets/budget.ts';
import { readStandings, readZone, type BudgetStanding } from './modules/budgets/budget-standing.ts';
import { createBudgetStore } from './modules/budgets/budget-store.ts';
import { readPrices, type ModelPrice } from './modules/prices/price-store.ts';
import { queryOfTransaction } from './query.ts';

/**
 * Batched reads of one operation, within the actor's organization. What the actor may not see is absent, so a loader's
 * answer needs no further check.
 */
export interface Loaders {
  readonly budget: DataLoader<Uuid, Budget | null>;
  readonly alert: DataLoader<Uuid, BudgetAlert | null>;
  readonly standing: DataLoader<Budget, BudgetStanding, Uuid>;
  /** Versions of a model's price by the model's id, latest first. */
  readonly prices: DataLoader<Uuid, readonly ModelPrice[]>;
}

async function loadStandings(tx: Transaction, budgets: readonly Budget[], clock: Clock) {
  const [first] = budgets;
  if (!first) return [];
  const query = queryOfTransaction(tx);
  return readStandings(query, budgets, await readZone(query, first.organizationId), clock.now());
}

export function createLoaders(db: Database, identity: InternalIdentity, clock: Clock): Loaders {
  const { organizationId } = identity;
  const read = async <T>(work: (tx: Transaction, organization: Uuid) => Promise<readonly T[]>) =>
    organizationId === null ? [] : withTenant(db, { organizationId }, (tx) => work(tx, organizationId));
  const maySeeBudgets =
    organizationId !== null && decide(identity, 'budget:read', { organizationId }) === 'allowed';
  const readBudgets = async <T>(work: (tx: Transaction) => Promise<readonly T[]>) =>
    maySeeBudgets ? read(work) : [];
  return {
    budget: createRowLoader(
      (ids) => readBudgets((tx) => createBudgetStore(tx).find(ids)),
      (budget) => budget.id,
    ),
    alert: createRowLoader(
      (ids) => readBudgets((tx) => createAlertStore(tx).find(ids)),
      (alert) => alert.id,
    ),
    standing: new DataLoader<Budget, BudgetStanding, Uuid>(
      (budgets) => read((tx) => loadStandings(tx, budgets, clock)),
      { cacheKeyFn: (budget) => budget.id },
    ),
    prices: createRowsLoader(
      (ids) => read((tx, organization) => readPrices(queryOfTransaction(tx), organization, ids)),
      (row) => row.modelId,
    ),
  };
}
