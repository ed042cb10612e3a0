import type { Uuid } from '@weir/kernel/ids';
import { Prisma } from '@weir/prisma/client';
import type { Transaction } from '@weir/prisma/tenant';
import type { Budget } from './budget.ts';
import { budgetOfRow } from './mapping.ts';

export type NewBudget = Omit<Budget, 'isArchived' | 'version' | 'createdAt'>;
export type BudgetChanges = Partial<
  Pick<Budget, 'name' | 'limit' | 'thresholds' | 'enforcement' | 'graceMinutes' | 'isArchived'>
>;

const NODE_EXISTS = `select policy.node_exists($1::uuid, $2, $3::uuid) as exists`;

/**
 * Not FOR UPDATE: an alert that is being raised refers to the budget and must not wait for us, who wait for its lock.
 */
const LOCK = `select 1 as locked from billing.budgets where id = $1::uuid for no key update`;

/** Writes budgets of the organization that the transaction is scoped to. */
export function createBudgetStore(tx: Transaction) {
  return {
    /** Whether the organization has such an account or key. */
    async hasNode(organizationId: Uuid, kind: Budget['nodeKind'], nodeId: Uuid): Promise<boolean> {
      const rows = await tx.$queryRawUnsafe<{ exists: boolean }[]>(NODE_EXISTS, organizationId, kind, nodeId);
      return rows[0]?.exists === true;
    },

    async insert(budget: NewBudget): Promise<Budget> {
      const { limit, models, thresholds, ...rest } = budget;
      const row = await tx.budget.create({
        data: {
          ...rest,
          limitAmount: limit,
          models: models === null ? Prisma.DbNull : [...models],
          thresholds: [...thresholds],
        },
      });
      return budgetOfRow(row);
    },

    /** The budget, kept from changing until the transaction ends. */
    async lock(id: Uuid): Promise<Budget | undefined> {
      await tx.$queryRawUnsafe(LOCK, id);
      const row = await tx.budget.findUnique({ where: { id } });
      return row === null ? undefined : budgetOfRow(row);
    },

    /** @throws when there is no such budget. */
    async update(id: Uuid, changes: BudgetChanges): Promise<Budget> {
      const { limit, thresholds, isArchived, ...rest } = changes;
      const row = await tx.budget.update({
        where: { id },
        data: {
          ...rest,
          ...(limit === undefined ? {} : { limitAmount: limit }),
          ...(thresholds === undefined ? {} : { thresholds: [...thresholds] }),
          ...(isArchived === undefined ? {} : { status: isArchived ? 'ARCHIVED' : 'ACTIVE' }),
          version: { increment: 1 },
        },
      });
      return budgetOfRow(row);
    },
  };
}
