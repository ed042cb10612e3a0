import type { MutationResolvers, Resolvers, ViewerResolvers } from '../../generated/resolvers-types.ts';

type SecondFactorMutations = Pick<
  MutationResolvers,
  'totpEnroll' | 'totpConfirm' | 'totpDisable' | 'recoveryCodesRegenerate'
>;

const Mutation: SecondFactorMutations = {
  async totpEnroll(_, __, { services, scope }) {
    const result = await services.secondFactors.enrollTotp(scope.identity);
    return result.ok
      ? { enrollment: result.value, userErrors: [] }
      : { enrollment: null, userErrors: [result.error] };
  },

  async totpConfirm(_, { input }, { services, scope }) {
    const result = await services.secondFactors.confirmTotp(scope.identity, input.code);
    return result.ok
      ? { recoveryCodes: result.value, viewer: scope.identity, userErrors: [] }
      : { recoveryCodes: null, viewer: null, userErrors: [result.error] };
  },

  async totpDisable(_, { input }, { services, scope }) {
    const result = await services.secondFactors.disableTotp(scope.identity, input);
    return result.ok
      ? { viewer: scope.identity, userErrors: [] }
      : { viewer: null, userErrors: [result.error] };
  },

  async recoveryCodesRegenerate(_, { input }, { services, scope }) {
    const result = await services.secondFactors.regenerateRecoveryCodes(scope.identity, input);
    return result.ok
      ? { recoveryCodes: result.value, userErrors: [] }
      : { recoveryCodes: null, userErrors: [result.error] };
  },
};

const Viewer: Pick<ViewerResolvers, 'secondFactors'> = {
  secondFactors: (identity, _, { services }) => services.secondFactors.ofViewer(identity),
};

export const secondFactorResolvers = { Mutation, Viewer } satisfies Resolvers;
