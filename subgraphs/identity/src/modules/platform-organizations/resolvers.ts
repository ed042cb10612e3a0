import { idArgument } from '@weir/graphql/id-argument';
import type { MutationResolvers, QueryResolvers, Resolvers } from '../../generated/resolvers-types.ts';
import type { OrganizationResult } from '../organizations/organization-guard.ts';

const toPayload = (result: OrganizationResult) =>
  result.ok
    ? { organization: result.value, userErrors: [] }
    : { organization: null, userErrors: [...result.error] };

const Query: Pick<QueryResolvers, 'organizations'> = {
  organizations: (_, { search, status, ...args }, { services, scope }) =>
    services.platformOrganizations.list(
      scope,
      { search: search ?? undefined, status: status ?? undefined },
      args,
    ),
};

type Fields = 'organizationCreate' | 'organizationPlanUpdate' | 'organizationStatusUpdate';

const Mutation: Pick<MutationResolvers, Fields> = {
  async organizationCreate(_, { input }, { services, scope }) {
    const { name, slug, ownerEmail } = input;
    return toPayload(
      await services.platformOrganizations.create(scope, {
        name,
        slug,
        timeZone: input.timeZone ?? 'UTC',
        planTier: input.planTier ?? 'STARTER',
        ownerEmail,
        ownerDisplayName: input.ownerDisplayName ?? 'Owner',
      }),
    );
  },

  async organizationPlanUpdate(_, { input }, { services, scope }) {
    return toPayload(
      await services.platformOrganizations.updatePlan(scope, {
        id: idArgument('organization', input.id, 'id'),
        planTier: input.planTier,
        expectedVersion: input.expectedVersion ?? undefined,
      }),
    );
  },

  async organizationStatusUpdate(_, { input }, { services, scope }) {
    return toPayload(
      await services.platformOrganizations.updateStatus(scope, {
        id: idArgument('organization', input.id, 'id'),
        status: input.status,
        reason: input.reason,
        expectedVersion: input.expectedVersion ?? undefined,
      }),
    );
  },
};

export const platformOrganizationResolvers = { Query, Mutation } satisfies Resolvers;
