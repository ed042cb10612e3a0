import type { OAuthScope as Scope } from '@weir/contracts/oauth-token';
import { idArgument } from '@weir/graphql/id-argument';
import { encodeId } from '@weir/kernel/ids';
import type {
  MutationResolvers,
  OAuthClientResolvers,
  OAuthScope,
  OrganizationResolvers,
  Resolvers,
  ViewerResolvers,
} from '../../generated/resolvers-types.ts';

const SCOPES = { ANALYTICS_READ: 'analytics:read', ADMIN: 'admin' } as const satisfies Record<
  OAuthScope,
  Scope
>;

const nameOfScope = (scope: Scope): OAuthScope => (scope === 'admin' ? 'ADMIN' : 'ANALYTICS_READ');

const noClient = { client: null, clientSecret: null } as const;

const Mutation: Pick<
  MutationResolvers,
  'oauthClientCreate' | 'oauthClientSecretRotate' | 'oauthClientRevoke'
> = {
  async oauthClientCreate(_, { input }, { services, scope }) {
    const result = await services.oauthClients.create(scope.identity, {
      organizationId: idArgument('organization', input.organizationId, 'organizationId'),
      name: input.name,
      scopes: input.scopes.map((name) => SCOPES[name]),
    });
    return result.ok ? { ...result.value, userErrors: [] } : { ...noClient, userErrors: [result.error] };
  },

  async oauthClientSecretRotate(_, { input }, { services, scope }) {
    const id = idArgument('oauthClient', input.id, 'id');
    const result = await services.oauthClients.rotateSecret(scope.identity, id);
    return result.ok ? { ...result.value, userErrors: [] } : { ...noClient, userErrors: [result.error] };
  },

  async oauthClientRevoke(_, { input }, { services, scope }) {
    const id = idArgument('oauthClient', input.id, 'id');
    const result = await services.oauthClients.revoke(scope.identity, id);
    return result.ok
      ? { client: result.value, userErrors: [] }
      : { client: null, userErrors: [result.error] };
  },
};

const Organization: Pick<OrganizationResolvers, 'oauthClients'> = {
  oauthClients: ({ id }, _, { services, scope }) => services.oauthClients.ofOrganization(scope.identity, id),
};

const OAuthClient: Pick<OAuthClientResolvers, 'id' | 'scopes'> = {
  id: ({ id }) => encodeId('oauthClient', id),
  scopes: ({ scopes }) => scopes.map(nameOfScope),
};

const Viewer: Pick<ViewerResolvers, 'oauthClient'> = {
  oauthClient: (identity, _, { services }) => services.oauthClients.ofViewer(identity),
};

export const oauthClientResolvers = { Mutation, Organization, OAuthClient, Viewer } satisfies Resolvers;
