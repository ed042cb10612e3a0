import type { MutationResolvers, Resolvers } from '../../generated/resolvers-types.ts';
import { deliverTokens, endDelivery, NO_TOKENS, presentedRefreshToken } from './token-delivery.ts';

const Mutation: Pick<MutationResolvers, 'signIn' | 'sessionRefresh' | 'signOut'> = {
  async signIn(_, { input }, { services, scope, exchange }) {
    const result = await services.sessions.signIn(input, scope.identity);
    if (!result.ok) {
      const { problem, secondFactors, passkeyChallenge = null } = result.error;
      return { ...NO_TOKENS, viewer: null, secondFactors, passkeyChallenge, userErrors: [problem] };
    }
    const viewer = { ...scope.identity, ...result.value.standing };
    scope.become(viewer);
    return {
      ...deliverTokens(result.value, exchange),
      viewer,
      secondFactors: [],
      passkeyChallenge: null,
      userErrors: [],
    };
  },

  async sessionRefresh(_, { input }, { services, scope, exchange }) {
    const presented = input.refreshToken ?? presentedRefreshToken(exchange) ?? '';
    const result = await services.sessions.refresh(presented, scope.identity);
    if (result.ok) return { ...deliverTokens(result.value, exchange), userErrors: [] };
    endDelivery(exchange);
    return { ...NO_TOKENS, userErrors: [result.error] };
  },

  async signOut(_, { input }, { services, scope, exchange }) {
    const result = await services.sessions.signOut(scope.identity, input.everywhere ?? false);
    if (result.ok) endDelivery(exchange);
    return result.ok
      ? { endedSessions: result.value, userErrors: [] }
      : { endedSessions: 0, userErrors: [result.error] };
  },
};

export const sessionResolvers = { Mutation } satisfies Resolvers;
