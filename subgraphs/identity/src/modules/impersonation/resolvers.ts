import { idArgument } from '@weir/graphql/id-argument';
import { encodeId } from '@weir/kernel/ids';
import type {
  ImpersonationResolvers,
  MutationResolvers,
  OrganizationResolvers,
  Resolvers,
  ViewerResolvers,
} from '../../generated/resolvers-types.ts';
import { isActive } from './impersonation.ts';

const Organization: Pick<OrganizationResolvers, 'impersonations'> = {
  impersonations: ({ id }, args, { services, scope }) => services.impersonations.list(scope, id, args),
};

const Viewer: Pick<ViewerResolvers, 'impersonation'> = {
  impersonation: (_, __, { services, scope }) => services.impersonations.current(scope),
};

const Impersonation: Required<Omit<ImpersonationResolvers, '__isTypeOf'>> = {
  id: ({ id }) => encodeId('impersonation', id),
  organization: ({ organizationId }, _, { services, scope }) =>
    services.organizations.byId(scope, organizationId),
  supportUser: ({ supportName, supportEmail }) => ({ displayName: supportName, email: supportEmail }),
  reason: ({ reason }) => reason,
  startedAt: ({ createdAt }) => createdAt,
  expiresAt: ({ expiresAt }) => expiresAt,
  endedAt: ({ endedAt }) => endedAt,
  isActive: (impersonation, _, { clock }) => isActive(impersonation, clock.now()),
};

type Fields = 'supportConsentGrant' | 'impersonationStart' | 'impersonationStop';

const Mutation: Pick<MutationResolvers, Fields> = {
  async supportConsentGrant(_, { input }, { services, scope }) {
    const organizationId = idArgument('organization', input.organizationId, 'organizationId');
    const result = await services.impersonations.grantConsent(scope, organizationId, input.expiresInMinutes);
    return result.ok
      ? { consentToken: result.value.token, expiresAt: result.value.expiresAt, userErrors: [] }
      : { consentToken: null, expiresAt: null, userErrors: [...result.error] };
  },

  async impersonationStart(_, { input }, { services, scope }) {
    const organizationId = idArgument('organization', input.organizationId, 'organizationId');
    const result = await services.impersonations.start(scope, { ...input, organizationId });
    return result.ok
      ? {
          impersonation: result.value.impersonation,
          accessToken: result.value.accessToken.text,
          expiresAt: result.value.accessToken.expiresAt,
          userErrors: [],
        }
      : { impersonation: null, accessToken: null, expiresAt: null, userErrors: [...result.error] };
  },

  async impersonationStop(_, { input }, { services, scope }) {
    const result = await services.impersonations.stop(scope, idArgument('impersonation', input.id, 'id'));
    return result.ok
      ? { impersonation: result.value, userErrors: [] }
      : { impersonation: null, userErrors: [...result.error] };
  },
};

export const impersonationResolvers = { Mutation, Organization, Viewer, Impersonation } satisfies Resolvers;
