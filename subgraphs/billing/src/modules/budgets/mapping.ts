import { z } from 'zod';
import type { Uuid } from '@weir/kernel/ids';
import type { Budget } from './budget.ts';

const uuid = z.string().transform((text) => text as Uuid);

const rowSchema = z.object({
  id: uuid,
  organizationId: uuid,
  nodeKind: z.enum(['ORGANIZATION', 'ACCOUNT', 'API_KEY']),
  nodeId: uuid,
  name: z.string(),
  metric: z.enum(['COST', 'TOKENS', 'REQUESTS']),
  /** A bigint as Prisma reads it, text as the plain driver does. */
  limitAmount: z.union([z.bigint(), z.string()]).transform((value) => BigInt(value)),
  period: z.enum(['DAILY', 'WEEKLY', 'MONTHLY', 'QUARTERLY', 'YEARLY', 'TOTAL']),
  models: z.array(z.string()).nullable(),
  enforcement: z.enum(['WARN', 'BLOCK', 'NOTIFY']),
  thresholds: z.array(z.int()),
  graceMinutes: z.int(),
  status: z.enum(['ACTIVE', 'ARCHIVED']),
  version: z.int(),
  createdAt: z.date(),
});

/** A row of `billing.budgets` as the domain knows it. */
export function budgetOfRow(row: unknown): Budget {
  const { limitAmount, status, ...rest } = rowSchema.parse(row);
  return { ...rest, limit: limitAmount, isArchived: status === 'ARCHIVED' };
}
