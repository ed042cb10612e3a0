import type { Resolvers } from './generated/resolvers-types.ts';
import { budgetAlert, budgetAlertRaised, organizationAlerts } from './modules/alerts/resolvers.ts';
import { budget, budgetMutations, budgetQueries, organizationBudgets } from './modules/budgets/resolvers.ts';
import { account, accountCredit, creditLot, creditMutations } from './modules/credit/resolvers.ts';
import { model, price, priceMutations } from './modules/prices/resolvers.ts';

export const resolvers: Resolvers = {
  Query: budgetQueries,
  Mutation: { ...budgetMutations, ...creditMutations, ...priceMutations },
  Subscription: { budgetAlertRaised },
  Organization: { ...organizationBudgets, ...organizationAlerts },
  Account: account,
  AccountCredit: accountCredit,
  CreditLot: creditLot,
  Model: model,
  Price: price,
  Budget: budget,
  BudgetAlert: budgetAlert,
};
