import { idArgument } from '@weir/graphql/id-argument';
import { encodeId } from '@weir/kernel/ids';
import type {
  MutationResolvers,
  OrganizationResolvers,
  QueryResolvers,
  Resolvers,
} from '../../generated/resolvers-types.ts';
import { limitsChangeOf } from '../access/access-input.ts';

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

const Mutation: Pick<MutationResolvers, 'organizationUpdate'> = {
  async organizationUpdate(_, { input }, { services, scope }) {
    const result = await services.organizations.update(scope, {
      ...limitsChangeOf(input),
      id: idArgument('organization', input.id, 'id'),
      // Neither can be cleared, so null is the same as absent.
      name: input.name ?? undefined,
      timeZone: input.timeZone ?? undefined,
      expectedVersion: input.expectedVersion ?? undefined,
    });
    return result.ok
      ? { organization: result.value, userErrors: [] }
      : { organization: null, userErrors: result.error };
  },
};

export const organizationResolvers = { Query, Organization, Mutation } satisfies Resolvers;
