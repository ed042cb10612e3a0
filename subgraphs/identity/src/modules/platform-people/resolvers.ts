import { encodeId } from '@weir/kernel/ids';
import type {
  MutationResolvers,
  PlatformPersonResolvers,
  Resolvers,
} from '../../generated/resolvers-types.ts';

const Mutation: Pick<MutationResolvers, 'platformRoleSet'> = {
  async platformRoleSet(_, { input: { email, role } }, { services, scope }) {
    const result = await services.platformPeople.setRole(scope, { email, role: role ?? null });
    return result.ok
      ? { person: result.value, userErrors: [] }
      : { person: null, userErrors: [...result.error] };
  },
};

const PlatformPerson: Pick<PlatformPersonResolvers, 'id'> = { id: ({ id }) => encodeId('user', id) };

export const platformPeopleResolvers = { Mutation, PlatformPerson } satisfies Resolvers;
