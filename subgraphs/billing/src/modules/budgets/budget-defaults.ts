import { z } from 'zod';
import type { Uuid } from '@weir/kernel/ids';
import type { Transaction } from '@weir/prisma/tenant';

const defaultsSchema = z.object({
  enforcement: z.enum(['WARN', 'BLOCK', 'NOTIFY']).default('BLOCK'),
  thresholds: z.array(z.int()).default([50, 80, 100]),
  graceMinutes: z.int().default(0),
});

/** What a new budget gets whose creator says nothing. */
export type BudgetDefaults = z.output<typeof defaultsSchema>;

/** As the organization has chosen: blocking, at 50, 80 and 100 per cent and without a grace where it has not. */
export async function budgetDefaultsOf(tx: Transaction, organizationId: Uuid): Promise<BudgetDefaults> {
  const [row] = await tx.$queryRaw<{ defaults: unknown }[]>`
    select policy.budget_defaults(${organizationId}::uuid) as defaults`;
  return defaultsSchema.parse(row?.defaults ?? {});
}
