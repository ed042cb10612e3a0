import { idArgument } from '@weir/graphql/id-argument';
import { encodeId } from '@weir/kernel/ids';
import type { OrganizationResolvers, QueryResolvers, Resolvers } from '../../generated/resolvers-types.ts';

type OwnFields = Pick<OrganizationResolvers, '__resolveReference' | 'id'>;

const Query: Pick<QueryResolvers, 'organization'> = {
  organization: (_, { id }, { services, scope }) =>
    services.organizations.byId(scope, idArgument('organization', id, 'id')),
};

const Organization: OwnFields = {
  __resolveReference: ({ id }, { services, scope }) =>
    services.organizations.byId(scope, idArgument('organization', id, 'id')),
  id: ({ id }) => encodeId('organization', id),
};

export const organizationResolvers = { Query, Organization } satisfies Resolvers;
