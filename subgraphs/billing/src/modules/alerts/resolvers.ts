import { connectionOf, pageOf, type KeysetOrder } from '@weir/graphql/connection';
import { idArgument } from '@weir/graphql/id-argument';
import { mapEvents } from '@weir/graphql/map-events';
import { AppError } from '@weir/kernel/errors';
import { decodeId, encodeId } from '@weir/kernel/ids';
import type {
  BudgetAlertResolvers,
  OrganizationResolvers,
  SubscriptionResolvers,
} from '../../generated/resolvers-types.ts';
import { toBudgetAmount, toReference } from '../budgets/convert.ts';
import type { BudgetAlert } from './budget-alert.ts';

const ORDER: KeysetOrder<BudgetAlert> = {
  name: 'budgetAlerts.raised',
  keyCount: 1,
  keysOf: (alert) => [alert.seq.toString()],
};

function fromCursor(keys: readonly string[] | undefined): bigint | undefined {
  const [seq] = keys ?? [];
  if (seq === undefined) return undefined;
  if (!/^\d{1,18}$/.test(seq)) {
    throw new AppError('BAD_USER_INPUT', 'after must be an endCursor of the same list.', { param: 'after' });
  }
  return BigInt(seq);
}

export const organizationAlerts: Pick<OrganizationResolvers, 'budgetAlerts'> = {
  async budgetAlerts({ id }, args, { services, identity }) {
    const organizationId = idArgument('organization', id, 'id');
    const page = pageOf(args, ORDER);
    const position = { take: page.take, before: fromCursor(page.after) };
    const rows = await services.alerts.list(identity, organizationId, position);
    return rows === undefined ? null : connectionOf(rows, page, ORDER);
  },
};

export const budgetAlert: BudgetAlertResolvers = {
  async __resolveReference({ id }, { loaders }) {
    const uuid = decodeId('budgetAlert', id);
    const found = uuid === undefined ? null : await loaders.alert.load(uuid);
    return found && { ...found };
  },
  id: ({ id }) => encodeId('budgetAlert', id),
  async budget({ budgetId }, _, { loaders }) {
    const found = await loaders.budget.load(budgetId);
    if (!found) throw new AppError('NOT_FOUND', 'The budget is not there any more.');
    return found;
  },
  organization: ({ organizationId }) => toReference('organization', organizationId),
  spent: ({ metric, spent }) => toBudgetAmount(metric, spent),
  limit: ({ metric, limit }) => toBudgetAmount(metric, limit),
};

export const budgetAlertRaised: NonNullable<SubscriptionResolvers['budgetAlertRaised']> = {
  async subscribe(_, { organizationId, after }, { services, identity }) {
    const alerts = await services.alerts.watch(
      identity,
      idArgument('organization', organizationId, 'organizationId'),
      after == null ? undefined : idArgument('budgetAlert', after, 'after'),
    );
    return mapEvents(alerts, (alert) => ({ budgetAlertRaised: alert }));
  },
};
