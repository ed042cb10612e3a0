import { idArgument } from '@weir/graphql/id-argument';
import { encodeId } from '@weir/kernel/ids';
import { ok, type Result } from '@weir/kernel/result';
import type { Context } from '../../context.ts';
import type {
  MembershipResolvers,
  MutationResolvers,
  Resolvers,
  SessionResolvers,
  ViewerResolvers,
} from '../../generated/resolvers-types.ts';
import { deviceOf } from './device.ts';
import type { SessionProblem, SignInRefusal } from './second-step.ts';
import type { SignedIn } from './session-service.ts';
import { deliverTokens, endDelivery, NO_TOKENS, presentedRefreshToken } from './token-delivery.ts';

const toPayload = (result: Result<number, SessionProblem>) =>
  result.ok
    ? { endedSessions: result.value, userErrors: [] }
    : { endedSessions: 0, userErrors: [result.error] };

/** From a sign-in that succeeded on, the operation acts as whoever has signed in. */
function signInPayload(result: Result<SignedIn, SignInRefusal>, { scope, exchange }: Context) {
  if (!result.ok) {
    const { problem, secondFactors, passkeyChallenge = null } = result.error;
    return { ...NO_TOKENS, viewer: null, secondFactors, passkeyChallenge, userErrors: [problem] };
  }
  const viewer = { ...scope.identity, ...result.value.standing };
  scope.become(viewer);
  const nothingAsked = { secondFactors: [], passkeyChallenge: null, userErrors: [] };
  return { ...deliverTokens(result.value, exchange), viewer, ...nothingAsked };
}

const Mutation: Pick<
  MutationResolvers,
  | 'signIn'
  | 'signInContinue'
  | 'sessionRefresh'
  | 'signOut'
  | 'sessionRevoke'
  | 'sessionRevokeAll'
  | 'organizationSwitch'
> = {
  async signIn(_, { input }, context) {
    const { services, scope } = context;
    return signInPayload(await services.sessions.signIn(input, scope.identity), context);
  },

  async signInContinue(_, { input }, context) {
    const { services, scope } = context;
    return signInPayload(await services.sessions.signInContinue(input, scope.identity), context);
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
    return toPayload(result);
  },

  async sessionRevoke(_, { input }, { services, scope }) {
    const id = idArgument('session', input.id, 'id');
    return toPayload(ok(await services.sessionManagement.revoke(scope.identity, id)));
  },

  async sessionRevokeAll(_, { input }, { services, scope }) {
    const userId = input.userId == null ? null : idArgument('user', input.userId, 'userId');
    return toPayload(await services.sessionManagement.revokeAll(scope.identity, userId));
  },

  async organizationSwitch(_, { input }, { services, scope }) {
    const organizationId = idArgument('organization', input.organizationId, 'organizationId');
    const result = await services.sessionManagement.switchTo(scope.identity, organizationId);
    if (!result.ok) return { viewer: null, userErrors: [result.error] };
    const viewer = { ...scope.identity, ...result.value };
    scope.become(viewer);
    return { viewer, userErrors: [] };
  },
};

const Viewer: Pick<ViewerResolvers, 'sessions'> = {
  sessions: (_, args, { services, scope }) => services.sessionManagement.own(scope.identity, args),
};

const Membership: Pick<MembershipResolvers, 'sessions'> = {
  sessions: (membership, args, { services, scope }) =>
    services.sessionManagement.ofMember(scope.identity, membership, args),
};

const Session: Required<SessionResolvers> = {
  id: ({ id }) => encodeId('session', id),
  device: ({ userAgent }) => deviceOf(userAgent),
  ipAddress: ({ ip }) => ip,
  createdAt: ({ createdAt }) => createdAt,
  lastUsedAt: ({ lastUsedAt }) => lastUsedAt,
  expiresAt: ({ expiresAt }) => expiresAt,
  isCurrent: ({ id }, _, { scope }) =>
    scope.identity.actor.type === 'user' && scope.identity.actor.sessionId === id,
};

export const sessionResolvers = { Mutation, Viewer, Membership, Session } satisfies Resolvers;
