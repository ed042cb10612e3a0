import { canSee } from '@weir/graphql/authorization';
import { idArgument } from '@weir/graphql/id-argument';
import { toMoney } from '@weir/graphql/money';
import type { Uuid } from '@weir/kernel/ids';
import type { Context } from '../../context.ts';
import type {
  AccountResolvers,
  ApiKeyResolvers,
  OrganizationResolvers,
  OrganizationUsageArgs,
  UsageSeriesResolvers,
} from '../../generated/resolvers-types.ts';
import { freshnessStatus } from './freshness.ts';
import type { KeyUse } from './key-use-store.ts';
import { totalTokens, type UsageReport, type UsageSums } from './usage.ts';

function toSums(sums: UsageSums) {
  const { requests, errors, input, cachedInput, cacheWrite, output, reasoning, cost } = sums;
  return {
    requests,
    errors,
    tokens: { input, cachedInput, cacheWrite, output, reasoning },
    totalTokens: totalTokens(sums),
    cost: toMoney(cost),
  };
}

/** Null when the actor does not belong to the organization or does not reach the node, so that it looks absent. */
async function usageOf(
  nodeId: Uuid,
  organizationId: Uuid | null,
  { range, granularity }: OrganizationUsageArgs,
  { identity, loaders }: Context,
): Promise<UsageReport | null> {
  if (organizationId === null || !canSee(identity, 'usage:read', { organizationId })) return null;
  if ((await loaders.reach.placeOf(nodeId)) === null) return null;
  const [startMs, endMs] = [range.start.getTime(), range.end.getTime()];
  return loaders.usage.load({ nodeId, startMs, endMs, granularity });
}

export const organization: Pick<OrganizationResolvers, 'usage'> = {
  usage({ id }, args, context) {
    const organizationId = idArgument('organization', id, 'id');
    return usageOf(organizationId, organizationId, args, context);
  },
};

/** An account or key of another organization has no sums that row-level security would show. */
export const account: Pick<AccountResolvers, 'usage'> = {
  usage: ({ id }, args, context) =>
    usageOf(idArgument('account', id, 'id'), context.identity.organizationId, args, context),
};

/** Null when the actor belongs to no organization or may not see usage. */
async function useOf(publicId: string, { identity, loaders }: Context): Promise<KeyUse | null> {
  const { organizationId } = identity;
  if (organizationId === null || !canSee(identity, 'usage:read', { organizationId })) return null;
  const id = idArgument('apiKey', publicId, 'id');
  return (await loaders.reach.placeOf(id)) === null ? null : loaders.keyUse.load(id);
}

export const apiKey: Pick<ApiKeyResolvers, 'usage' | 'lastUsedAt' | 'requestsIn24Hours'> = {
  lastUsedAt: async ({ id }, _, context) => (await useOf(id, context))?.lastUsedAt ?? null,
  requestsIn24Hours: async ({ id }, _, context) => (await useOf(id, context))?.requestsIn24Hours ?? null,
  usage: ({ id }, args, context) =>
    usageOf(idArgument('apiKey', id, 'id'), context.identity.organizationId, args, context),
};

export const usageSeries: UsageSeriesResolvers = {
  start: ({ startMs }) => new Date(startMs),
  end: ({ endMs }) => new Date(endMs),
  buckets: ({ buckets }) => buckets.map((bucket) => ({ start: new Date(bucket.startMs), ...toSums(bucket) })),
  totals: ({ totals }) => toSums(totals),
  byModel: ({ byModel }) => byModel.map(({ model, ...sums }) => ({ model, ...toSums(sums) })),
  async freshness({ organizationId }, _, { loaders }) {
    const { lastEventAt, lagSeconds } = await loaders.freshness.load(organizationId);
    return { lastEventAt, lagSeconds, status: freshnessStatus(lagSeconds) };
  },
};
