import type { MutationResolvers, Resolvers } from '../../generated/resolvers-types.ts';
import type { Tokens } from './session-service.ts';

const noTokens = { accessToken: null, refreshToken: null, expiresAt: null } as const;

const toTokens = ({ accessToken, refreshToken }: Tokens) => ({
  accessToken: accessToken.text,
  refreshToken,
  expiresAt: accessToken.expiresAt,
});

const Mutation: Pick<MutationResolvers, 'signIn' | 'sessionRefresh' | 'signOut'> = {
  async signIn(_, { input }, { services, scope }) {
    const result = await services.sessions.signIn(input, scope.identity);
    if (!result.ok) {
      const { problem, secondFactors } = result.error;
      return { ...noTokens, viewer: null, secondFactors, userErrors: [problem] };
    }
    const viewer = { ...scope.identity, ...result.value.standing };
    scope.become(viewer);
    return { ...toTokens(result.value), viewer, secondFactors: [], userErrors: [] };
  },

  async sessionRefresh(_, { input }, { services }) {
    const result = await services.sessions.refresh(input.refreshToken);
    return result.ok
      ? { ...toTokens(result.value), userErrors: [] }
      : { ...noTokens, userErrors: [result.error] };
  },

  async signOut(_, { input }, { services, scope }) {
    const result = await services.sessions.signOut(scope.identity, input.everywhere ?? false);
    return result.ok
      ? { endedSessions: result.value, userErrors: [] }
      : { endedSessions: 0, userErrors: [result.error] };
  },
};

export const sessionResolvers = { Mutation } satisfies Resolvers;
