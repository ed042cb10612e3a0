import { formatUsd } from '@weir/kernel/money';

/** The shape of the shared GraphQL type `Money`. */
export interface MoneyValue {
  readonly amount: string;
  readonly currency: string;
}

/** Nano-USD as the GraphQL type `Money`. */
export function toMoney(amountNanoUsd: bigint): MoneyValue {
  return { amount: formatUsd(amountNanoUsd), currency: 'USD' };
}
