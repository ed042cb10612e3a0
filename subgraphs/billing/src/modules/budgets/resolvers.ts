import { canSee, requireSignedIn } from '@weir/graphql/authorization';
import { connectionOf, pageOf, type KeysetOrder } from '@weir/graphql/connection';
import { idArgument } from '@weir/graphql/id-argument';
import { decodeId, encodeId, isUuid } from '@weir/kernel/ids';
import { AppError } from '@weir/kernel/errors';
import type { Context } from '../../context.ts';
import type {
  BudgetCreateInput,
  BudgetResolvers,
  BudgetUpdateInput,
  MutationResolvers,
  OrganizationResolvers,
  QueryResolvers,
} from '../../generated/resolvers-types.ts';
import type { Budget } from './budget.ts';
import { percentUsed, remainingOf, statusOf } from './budget.ts';
import type { BudgetResult, CreateBudgetInput, UpdateBudgetInput } from './budget-service.ts';
import type { BudgetPosition } from './budget-reads.ts';
import { toBudgetAmount, toReference } from './convert.ts';

const ORDER: KeysetOrder<Budget> = {
  name: 'budgets.createdAt',
  keyCount: 2,
  keysOf: (budget) => [budget.createdAt.toISOString(), budget.id],
};

function fromCursor(keys: readonly string[] | undefined): BudgetPosition | undefined {
  if (!keys) return undefined;
  const [createdAt = '', id = ''] = keys;
  const at = new Date(createdAt);
  if (!isUuid(id) || Number.isNaN(at.getTime())) {
    throw new AppError('BAD_USER_INPUT', 'after must be an endCursor of the same list.', { param: 'after' });
  }
  return { createdAt: at, id };
}

function toCreateInput(input: BudgetCreateInput): CreateBudgetInput {
  return {
    ...input,
    enforcement: input.enforcement ?? undefined,
    thresholds: input.thresholds ?? undefined,
    graceMinutes: input.graceMinutes ?? undefined,
    organizationId: idArgument('organization', input.organizationId, 'organizationId'),
    accountId: input.accountId == null ? undefined : idArgument('account', input.accountId, 'accountId'),
    apiKeyId: input.apiKeyId == null ? undefined : idArgument('apiKey', input.apiKeyId, 'apiKeyId'),
  };
}

function toUpdateInput(input: BudgetUpdateInput): UpdateBudgetInput {
  return {
    id: idArgument('budget', input.id, 'id'),
    // None of these can be cleared, so null is the same as absent.
    name: input.name ?? undefined,
    limit: input.limit ?? undefined,
    thresholds: input.thresholds ?? undefined,
    enforcement: input.enforcement ?? undefined,
    graceMinutes: input.graceMinutes ?? undefined,
    isArchived: input.isArchived ?? undefined,
    expectedVersion: input.expectedVersion ?? undefined,
  };
}

function toPayload(result: BudgetResult) {
  return result.ok ? { budget: result.value, userErrors: [] } : { budget: null, userErrors: result.error };
}

const standingOf = (budget: Budget, { loaders }: Context) => loaders.standing.load(budget);

export const budgetQueries: Pick<QueryResolvers, 'budget'> = {
  budget(_, args, { identity, loaders }) {
    requireSignedIn(identity);
    const id = decodeId('budget', args.id);
    const { organizationId } = identity;
    if (id === undefined || organizationId === null) return null;
    return canSee(identity, 'budget:read', { organizationId }) ? loaders.budget.load(id) : null;
  },
};

export const budgetMutations: Pick<MutationResolvers, 'budgetCreate' | 'budgetUpdate'> = {
  async budgetCreate(_, { input }, { services, identity }) {
    return toPayload(await services.budgets.create(identity, toCreateInput(input)));
  },
  async budgetUpdate(_, { input }, { services, identity }) {
    return toPayload(await services.budgets.update(identity, toUpdateInput(input)));
  },
};

export const organizationBudgets: Pick<OrganizationResolvers, 'budgets'> = {
  async budgets({ id }, args, { services, identity }) {
    const organizationId = idArgument('organization', id, 'id');
    const page = pageOf(args, ORDER);
    const isArchived = args.filter?.isArchived ?? false;
    const position = { isArchived, take: page.take, after: fromCursor(page.after) };
    const rows = await services.budgets.list(identity, organizationId, position);
    return rows === undefined ? null : connectionOf(rows, page, ORDER);
  },
};

export const budget: BudgetResolvers = {
  async __resolveReference({ id }, { loaders }) {
    const uuid = decodeId('budget', id);
    const found = uuid === undefined ? null : await loaders.budget.load(uuid);
    return found && { ...found };
  },
  id: ({ id }) => encodeId('budget', id),
  organization: ({ organizationId }) => toReference('organization', organizationId),
  target: ({ nodeKind, nodeId }) => ({
    kind: nodeKind,
    account: nodeKind === 'ACCOUNT' ? toReference('account', nodeId) : null,
    apiKey: nodeKind === 'API_KEY' ? toReference('apiKey', nodeId) : null,
  }),
  limit: ({ metric, limit }) => toBudgetAmount(metric, limit),
  async spent(self, _, context) {
    return toBudgetAmount(self.metric, (await standingOf(self, context)).spent);
  },
  async remaining(self, _, context) {
    return toBudgetAmount(self.metric, remainingOf((await standingOf(self, context)).spent, self.limit));
  },
  async percentUsed(self, _, context) {
    return percentUsed((await standingOf(self, context)).spent, self.limit);
  },
  async status(self, _, context) {
    return statusOf((await standingOf(self, context)).spent, self);
  },
  async period(self, _, context) {
    const { span } = await standingOf(self, context);
    const end = span && new Date(span.endMs);
    return { kind: self.period, start: span && new Date(span.startMs), end, resetsAt: end };
  },
};
