import type { MutationResolvers, Resolvers } from '../../generated/resolvers-types.ts';

const Mutation: Pick<MutationResolvers, 'signUp' | 'emailVerificationResend' | 'emailVerify'> = {
  async signUp(_, { input }, { services, scope }) {
    const result = await services.signUps.signUp(scope.identity, {
      ...input,
      timeZone: input.timeZone ?? 'UTC',
    });
    return result.ok
      ? { email: result.value, userErrors: [] }
      : { email: null, userErrors: [...result.error] };
  },

  async emailVerificationResend(_, { input }, { services, scope }) {
    const result = await services.signUps.resend(scope.identity, input.email);
    return result.ok
      ? { email: result.value, userErrors: [] }
      : { email: null, userErrors: [...result.error] };
  },

  async emailVerify(_, { input }, { services, scope }) {
    const result = await services.signUps.verify(scope.identity, {
      token: input.token,
      password: input.password ?? undefined,
      slug: input.slug ?? undefined,
    });
    return result.ok
      ? { email: result.value, userErrors: [] }
      : { email: null, userErrors: [...result.error] };
  },
};

export const signUpResolvers = { Mutation } satisfies Resolvers;
