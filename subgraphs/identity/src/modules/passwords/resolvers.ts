import type { MutationResolvers, Resolvers } from '../../generated/resolvers-types.ts';

const Mutation: Pick<MutationResolvers, 'passwordChange' | 'passwordResetRequest' | 'passwordReset'> = {
  async passwordChange(_, { input }, { services, scope }) {
    const result = await services.passwords.change(scope.identity, input);
    return result.ok
      ? { endedSessions: result.value, userErrors: [] }
      : { endedSessions: 0, userErrors: [result.error] };
  },

  async passwordResetRequest(_, { input }, { services, scope }) {
    const result = await services.passwords.requestReset(input.email, scope.identity);
    return { userErrors: result.ok ? [] : [result.error] };
  },

  async passwordReset(_, { input }, { services, scope }) {
    const result = await services.passwords.reset(input, scope.identity);
    return result.ok
      ? { endedSessions: result.value, userErrors: [] }
      : { endedSessions: 0, userErrors: [result.error] };
  },
};

export const passwordResolvers = { Mutation } satisfies Resolvers;
