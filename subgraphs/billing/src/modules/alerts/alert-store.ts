import type { Uuid } from '@weir/kernel/ids';
import type { Prisma } from '@weir/prisma/client';
import type { Transaction } from '@weir/prisma/tenant';
import { z } from 'zod';
import type { BudgetAlert } from './budget-alert.ts';

const uuid = z.string().transform((text) => text as Uuid);

const rowSchema = z
  .object({
    id: uuid,
    organizationId: uuid,
    budgetId: uuid,
    budget: z.object({ metric: z.enum(['COST', 'TOKENS', 'REQUESTS']) }),
    threshold: z.int(),
    limitAmount: z.bigint(),
    spent: z.bigint(),
    periodStart: z.date(),
    raisedAt: z.date(),
    seq: z.bigint(),
  })
  .transform(({ budget, limitAmount, periodStart, ...rest }): BudgetAlert => {
    return {
      ...rest,
      metric: budget.metric,
      limit: limitAmount,
      periodStart: periodStart.toISOString().slice(0, 10),
    };
  });

const metric = { budget: { select: { metric: true } } } as const satisfies Prisma.BudgetAlertInclude;

/** Alerts of the organization that the transaction is scoped to. */
export function createAlertStore(tx: Transaction) {
  return {
    async find(ids: readonly Uuid[]): Promise<readonly BudgetAlert[]> {
      const rows = await tx.budgetAlert.findMany({ where: { id: { in: [...ids] } }, include: metric });
      return rows.map((row) => rowSchema.parse(row));
    },

    /** At most `take`, latest first, before a position. */
    async list(
      organizationId: Uuid,
      take: number,
      before: bigint | undefined,
    ): Promise<readonly BudgetAlert[]> {
      const rows = await tx.budgetAlert.findMany({
        where: { organizationId, ...(before === undefined ? {} : { seq: { lt: before } }) },
        include: metric,
        orderBy: { seq: 'desc' },
        take,
      });
      return rows.map((row) => rowSchema.parse(row));
    },

    /** At most `take`, in the order in which they were raised, after a position. */
    async after(organizationId: Uuid, seq: bigint, take: number): Promise<readonly BudgetAlert[]> {
      const rows = await tx.budgetAlert.findMany({
        where: { organizationId, seq: { gt: seq } },
        include: metric,
        orderBy: { seq: 'asc' },
        take,
      });
      return rows.map((row) => rowSchema.parse(row));
    },

    /** Position of the latest alert; 0 when there is none. */
    async latest(organizationId: Uuid): Promise<bigint> {
      const row = await tx.budgetAlert.findFirst({
        where: { organizationId },
        orderBy: { seq: 'desc' },
        select: { seq: true },
      });
      return row?.seq ?? 0n;
    },
  };
}
