import type { Uuid } from '@weir/kernel/ids';

/** A lot and how it stands on the present business day. */
export interface CreditLot {
  readonly id: Uuid;
  /** Nano-USD, as all amounts here. */
  readonly amount: bigint;
  readonly used: bigint;
  readonly lapsed: bigint;
  readonly grantedAtMs: number;
  /** First business date on which it counts no longer. */
  readonly expiresOn: string;
  /** The first instant of that date. */
  readonly expiresAtMs: number;
  readonly reference: string;
}

export interface AccountCredit {
  readonly accountId: Uuid;
  readonly isEnforced: boolean;
  /** In the order in which they are spent. */
  readonly lots: readonly CreditLot[];
  /** Spent without a lot to take it from; the next lot pays for it. */
  readonly debt: bigint;
}

/** A new lot pays for a debt, so more of them than this are open only where nobody spends. */
export const OPEN_LOTS_MAX = 100;

const sumOf = (lots: readonly CreditLot[], amountOf: (lot: CreditLot) => bigint): bigint =>
  lots.reduce((sum, lot) => sum + amountOf(lot), 0n);

export function granted({ lots }: AccountCredit): bigint {
  return sumOf(lots, (lot) => lot.amount);
}

export function lapsed({ lots }: AccountCredit): bigint {
  return sumOf(lots, (lot) => lot.lapsed);
}

export function spent({ lots, debt }: AccountCredit): bigint {
  return sumOf(lots, (lot) => lot.used) + debt;
}

export function balance(credit: AccountCredit): bigint {
  return granted(credit) - lapsed(credit) - spent(credit);
}

export function remaining({ amount, used, lapsed: gone }: CreditLot): bigint {
  return amount - used - gone;
}

export function openLots({ lots }: AccountCredit): readonly CreditLot[] {
  return lots.filter((lot) => remaining(lot) > 0n);
}
