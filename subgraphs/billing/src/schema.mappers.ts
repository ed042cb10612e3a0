/** Runtime types behind the types of the schema; codegen.yml names them. */
export type { Budget as BudgetMapper } from './modules/budgets/budget.ts';
export type {
  AccountCredit as AccountCreditMapper,
  CreditLot as CreditLotMapper,
} from './modules/credit/credit.ts';
export type { BudgetAlert as BudgetAlertMapper } from './modules/alerts/budget-alert.ts';
export type { PriceVersion as PriceMapper } from './modules/prices/price.ts';
