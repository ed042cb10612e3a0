import { toMoney } from '@weir/graphql/money';
import { encodeId, type Uuid } from '@weir/kernel/ids';
import type { BudgetAmount } from '../../generated/resolvers-types.ts';
import type { BudgetMetric } from './budget.ts';
import { formatAmount } from './budget-amount.ts';

/** An amount of what a budget counts, as the schema shows it. */
export function toBudgetAmount(metric: BudgetMetric, amount: bigint): BudgetAmount {
  return { value: formatAmount(metric, amount), money: metric === 'COST' ? toMoney(amount) : null };
}

/** A reference to an entity of the identity subgraph. */
export function toReference(kind: 'organization' | 'account' | 'apiKey', id: Uuid): { id: string } {
  return { id: encodeId(kind, id) };
}
