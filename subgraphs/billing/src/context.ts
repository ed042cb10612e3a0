import type { OperationContext } from '@weir/graphql/subgraph-context';
import type { Clock } from '@weir/kernel/clock';
import type { Loaders } from './loaders.ts';
import type { AlertService } from './modules/alerts/alert-service.ts';
import type { BudgetService } from './modules/budgets/budget-service.ts';
import type { PriceService } from './modules/prices/price-service.ts';
import type { CreditService } from './modules/credit/credit-service.ts';

export interface Services {
  readonly budgets: BudgetService;
  readonly alerts: AlertService;
  readonly prices: PriceService;
  readonly credit: CreditService;
}

export interface Context extends OperationContext {
  readonly services: Services;
  readonly loaders: Loaders;
  readonly clock: Clock;
}
