import { z } from 'zod';
import type { Uuid } from '@weir/kernel/ids';
import { Prisma } from '@weir/prisma/client';
import type { Transaction } from '@weir/prisma/tenant';
import type { Budget } from './budget.ts';

/** A place in the list of budgets, newest first. */
export interface BudgetPosition {
  readonly createdAt: Date;
  readonly id: Uuid;
}

export type NewBudget = Omit<Budget, 'isArchived' | 'version' | 'createdAt'>;
export type BudgetChanges = Partial<
  Pick<Budget, 'name' | 'limit' | 'thresholds' | 'enforcement' | 'graceMinutes' | 'isArchived'>
>;

const uuid = z.string().transform((text) => text as Uuid);

const rowSchema = z
  .object({
    id: uuid,
    organizationId: uuid,
    nodeKind: z.enum(['ORGANIZATION', 'ACCOUNT', 'API_KEY']),
    nodeId: uuid,
    name: z.string(),
    metric: z.enum(['COST', 'TOKENS', 'REQUESTS']),
    limitAmount: z.bigint(),
    period: z.enum(['DAILY', 'WEEKLY', 'MONTHLY', 'QUARTERLY', 'YEARLY', 'TOTAL']),
    models: z.array(z.string()).nullable(),
    enforcement: z.enum(['WARN', 'BLOCK', 'NOTIFY']),
    thresholds: z.array(z.int()),
    graceMinutes: z.int(),
    status: z.enum(['ACTIVE', 'ARCHIVED']),
    version: z.int(),
    createdAt: z.date(),
  })
  .transform(({ limitAmount, status, ...rest }): Budget => {
    return { ...rest, limit: limitAmount, isArchived: status === 'ARCHIVED' };
  });

const NODE_EXISTS = `select policy.node_exists($1::uuid, $2, $3::uuid) as exists`;

/**
 * Not FOR UPDATE: an alert that is being raised refers to the budget and must not wait for us, who wait for its lock.
 */
const LOCK = `select 1 as locked from billing.budgets where id = $1::uuid for no key update`;

/** Budgets of the organization that the transaction is scoped to. */
export function createBudgetStore(tx: Transaction) {
  return {
    async find(ids: readonly Uuid[]): Promise<readonly Budget[]> {
      const rows = await tx.budget.findMany({ where: { id: { in: [...ids] } } });
      return rows.map((row) => rowSchema.parse(row));
    },

    /** @param take At most so many, after the position. */
    async list(
      organizationId: Uuid,
      isArchived: boolean,
      take: number,
      after: BudgetPosition | undefined,
    ): Promise<readonly Budget[]> {
      const rows = await tx.budget.findMany({
        where: {
          organizationId,
          status: isArchived ? 'ARCHIVED' : 'ACTIVE',
          ...(after && {
            OR: [
              { createdAt: { lt: after.createdAt } },
              { createdAt: after.createdAt, id: { lt: after.id } },
            ],
          }),
        },
        orderBy: [{ createdAt: 'desc' }, { id: 'desc' }],
        take,
      });
      return rows.map((row) => rowSchema.parse(row));
    },

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
      return rowSchema.parse(row);
    },

    /** The budget, kept from changing until the transaction ends. */
    async lock(id: Uuid): Promise<Budget | undefined> {
      await tx.$queryRawUnsafe(LOCK, id);
      const row = await tx.budget.findUnique({ where: { id } });
      return row === null ? undefined : rowSchema.parse(row);
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
      return rowSchema.parse(row);
    },
  };
}
