import type { MutationResolvers, Resolvers } from '../../generated/resolvers-types.ts';

const Mutation: Pick<MutationResolvers, 'emailChangeRequest' | 'emailChangeConfirm'> = {
  async emailChangeRequest(_, { input }, { services, scope }) {
    const { newEmail, currentPassword: password, code } = input;
    const result = await services.emailChanges.request(scope.identity, { newEmail, password, code });
    return { userErrors: result.ok ? [] : [result.error] };
  },

  async emailChangeConfirm(_, { input }, { services, scope }) {
    const result = await services.emailChanges.confirm(input.token, scope.identity);
    return result.ok ? { email: result.value, userErrors: [] } : { email: null, userErrors: [result.error] };
  },
};

export const emailChangeResolvers = { Mutation } satisfies Resolvers;
