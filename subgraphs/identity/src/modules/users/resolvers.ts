import { idArgument } from '@weir/graphql/id-argument';
import { platformPermissionsOf } from '@weir/graphql/platform-authorization';
import { encodeId } from '@weir/kernel/ids';
import type {
  QueryResolvers,
  Resolvers,
  UserResolvers,
  ViewerResolvers,
} from '../../generated/resolvers-types.ts';

const Query: Pick<QueryResolvers, 'viewer'> = {
  viewer: (_, __, { scope }) => (scope.identity.actor.type === 'anonymous' ? null : scope.identity),
};

const Viewer: Required<
  Omit<ViewerResolvers, 'oauthClient' | 'secondFactors' | 'sessions' | 'impersonation'>
> = {
  user: ({ actor }, _, { services, scope }) =>
    actor.type === 'user' ? services.users.byId(scope, actor.userId) : null,
  apiKey: ({ actor }, _, { scope }) =>
    actor.type === 'apiKey' ? scope.loaders.apiKeys.load(actor.apiKeyId) : null,
  organization: ({ organizationId }, _, { services, scope }) =>
    organizationId === null ? null : services.organizations.byId(scope, organizationId),
  memberships: (_, __, { services, scope }) => services.users.ownMemberships(scope),
  permissions: (identity) => [...identity.permissions, ...platformPermissionsOf(identity)].toSorted(),
  isMfaEnrollmentRequired: (_, __, { services, scope }) => services.users.lacksRequiredFactor(scope),
  platformRole: ({ actor }) => (actor.type === 'user' ? (actor.platformRole ?? null) : null),
};

const User: Pick<UserResolvers, '__resolveReference' | 'id'> = {
  __resolveReference: ({ id }, { services, scope }) =>
    services.users.byId(scope, idArgument('user', id, 'id')),
  id: ({ id }) => encodeId('user', id),
};

export const userResolvers = { Query, Viewer, User } satisfies Resolvers;
