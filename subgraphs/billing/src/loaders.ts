import DataLoader from 'dataloader';
import type { InternalIdentity } from '@weir/contracts/internal-identity';
import { createReach, PLACES_BELOW, type PlacedNode } from '@weir/graphql/actor-reach';
import { decide } from '@weir/graphql/authorization';
import { createRowLoader, createRowsLoader } from '@weir/graphql/loader';
import type { Clock } from '@weir/kernel/clock';
import type { Uuid } from '@weir/kernel/ids';
import { businessDate } from '@weir/kernel/period';
import { createAlertStore } from './modules/alerts/alert-store.ts';
import type { BudgetAlert } from './modules/alerts/budget-alert.ts';
import type { Budget } from './modules/budgets/budget.ts';
import { readStandings, readZone, type BudgetStanding } from './modules/budgets/budget-standing.ts';
import { createBudgetReads } from './modules/budgets/budget-reads.ts';
import type { AccountCredit } from './modules/credit/credit.ts';
import { readCredits } from './modules/credit/credit-store.ts';
import { readPrices, type ModelPrice } from './modules/prices/price-store.ts';
import type { Query } from './query.ts';
import type { TenantReader } from './tenant-reader.ts';

/**
 * Batched reads of one operation, within the actor's organization. What the actor may not see is absent, so a loader's
 * answer needs no further check.
 */
export interface Loaders {
  readonly budget: DataLoader<Uuid, Budget | null>;
  readonly alert: DataLoader<Uuid, BudgetAlert | null>;
  readonly standing: DataLoader<Budget, BudgetStanding, Uuid>;
  /** Null for an account that never had credit. */
  readonly credit: DataLoader<Uuid, AccountCredit | null>;
  /** Versions of a model's price by the model's id, latest first. */
  readonly prices: DataLoader<Uuid, readonly ModelPrice[]>;
}

async function loadStandings(query: Query, budgets: readonly Budget[], clock: Clock) {
  const [first] = budgets;
  if (!first) return [];
  return readStandings(query, budgets, await readZone(query, first.organizationId), clock.now());
}

async function loadCredits(query: Query, organizationId: Uuid, ids: readonly Uuid[], clock: Clock) {
  const timeZone = await readZone(query, organizationId);
  return readCredits(query, ids, { today: businessDate(clock.now(), timeZone), timeZone });
}

export function createLoaders(reader: TenantReader, identity: InternalIdentity, clock: Clock): Loaders {
  const { organizationId } = identity;
  const read = async <T>(work: (query: Query, organization: Uuid) => Promise<readonly T[]>) =>
    organizationId === null ? [] : reader.read(organizationId, (query) => work(query, organizationId));
  const maySeeBudgets =
    organizationId !== null && decide(identity, 'budget:read', { organizationId }) === 'allowed';
  const maySeeBilling =
    organizationId !== null && decide(identity, 'billing:read', { organizationId }) === 'allowed';
  const readBudgets = async <T>(work: (query: Query) => Promise<readonly T[]>) =>
    maySeeBudgets ? read(work) : [];
  const reach = createReach(identity, (top, nodes) =>
    read((query, organization) => query<PlacedNode>(PLACES_BELOW, [organization, top, nodes])),
  );
  return {
    budget: createRowLoader(
      async (ids) =>
        reach.within(
          await readBudgets((query) => createBudgetReads(query).find(ids)),
          (budget) => budget.nodeId,
        ),
      (budget) => budget.id,
    ),
    alert: createRowLoader(
      async (ids) =>
        reach.within(
          await readBudgets((query) => createAlertStore(query).find(ids)),
          (alert) => alert.nodeId,
        ),
      (alert) => alert.id,
    ),
    standing: new DataLoader<Budget, BudgetStanding, Uuid>(
      (budgets) => read((query) => loadStandings(query, budgets, clock)),
      { cacheKeyFn: (budget) => budget.id },
    ),
    credit: createRowLoader(
      async (ids) =>
        maySeeBilling
          ? reach.within(
              await read((query, organization) => loadCredits(query, organization, ids, clock)),
              (credit) => credit.accountId,
            )
          : [],
      (credit) => credit.accountId,
    ),
    prices: createRowsLoader(
      (ids) => read((query, organization) => readPrices(query, organization, ids)),
      (row) => row.modelId,
    ),
  };
}
