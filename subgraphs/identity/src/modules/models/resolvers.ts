import { idArgument } from '@weir/graphql/id-argument';
import { encodeId } from '@weir/kernel/ids';
import type { ModelResolvers, OrganizationResolvers, Resolvers } from '../../generated/resolvers-types.ts';

const Organization: Pick<OrganizationResolvers, 'models'> = {
  models: (organization, args, { services, scope }) => services.models.list(scope, organization.id, args),
};

const Model: Pick<ModelResolvers, '__resolveReference' | 'id'> = {
  __resolveReference: ({ id }, { services, scope }) =>
    services.models.byId(scope, idArgument('model', id, 'id')),
  id: ({ id }) => encodeId('model', id),
};

export const modelResolvers = { Organization, Model } satisfies Resolvers;
