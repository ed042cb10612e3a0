import type { SystemRole } from '@weir/contracts/permission-matrix';
import { idArgument } from '@weir/graphql/id-argument';
import { AppError } from '@weir/kernel/errors';
import { encodeId } from '@weir/kernel/ids';
import type {
  MutationResolvers,
  OidcProviderResolvers,
  OrganizationResolvers,
  QueryResolvers,
  Resolvers,
} from '../../generated/resolvers-types.ts';
import { roleArgument } from '../roles/role-id.ts';
import { systemRole } from '../roles/role.ts';
import { loginUrlOf, redirectUriOf } from './oidc-provider.ts';

/** @throws AppError BAD_USER_INPUT for what is no id of a system role. */
function systemRoleArgument(text: string): SystemRole {
  const role = roleArgument(text, 'defaultRoleId');
  if (role.kind === 'SYSTEM') return role.name;
  throw new AppError(
    'BAD_USER_INPUT',
    'defaultRoleId must be the id of a system role, for example "rol_developer".',
    {
      param: 'defaultRoleId',
    },
  );
}

const Query: Pick<QueryResolvers, 'oidcProviders'> = {
  oidcProviders: async (_, __, { services, publicUrl }) => {
    const providers = await services.oidcProviders.ofPlatform();
    return providers.map(({ id, name }) => ({ name, loginUrl: loginUrlOf(publicUrl, id) }));
  },
};

type OidcMutations = Pick<
  MutationResolvers,
  'oidcProviderCreate' | 'oidcProviderUpdate' | 'oidcProviderDelete' | 'oidcIdentityLink'
>;

const Mutation: OidcMutations = {
  async oidcProviderCreate(_, { input }, { services, scope }) {
    const { organizationId, defaultRoleId, ...settings } = input;
    const result = await services.oidcProviders.create(scope.identity, {
      ...settings,
      organizationId: organizationId ? idArgument('organization', organizationId, 'organizationId') : null,
      // The schema's defaults stand for these; the generated types cannot say so.
      emailDomains: input.emailDomains ?? [],
      createsPeople: input.createsPeople ?? false,
      defaultRole: defaultRoleId ? systemRoleArgument(defaultRoleId) : null,
    });
    return result.ok
      ? { provider: result.value, userErrors: [] }
      : { provider: null, userErrors: result.error };
  },

  async oidcProviderUpdate(_, { input }, { services, scope }) {
    const { defaultRoleId } = input;
    const result = await services.oidcProviders.update(
      scope.identity,
      idArgument('oidcProvider', input.id, 'id'),
      {
        defaultRole: typeof defaultRoleId === 'string' ? systemRoleArgument(defaultRoleId) : defaultRoleId,
        // None of the rest can be cleared, so null is the same as absent.
        name: input.name ?? undefined,
        clientId: input.clientId ?? undefined,
        clientSecret: input.clientSecret ?? undefined,
        emailDomains: input.emailDomains ?? undefined,
        createsPeople: input.createsPeople ?? undefined,
      },
    );
    return result.ok
      ? { provider: result.value, userErrors: [] }
      : { provider: null, userErrors: result.error };
  },

  async oidcProviderDelete(_, { input }, { services, scope }) {
    const id = idArgument('oidcProvider', input.id, 'id');
    const result = await services.oidcProviders.remove(scope.identity, id);
    return result.ok
      ? { deletedId: encodeId('oidcProvider', result.value), userErrors: [] }
      : { deletedId: null, userErrors: result.error };
  },

  async oidcIdentityLink(_, { input }, { services, scope }) {
    const { ticket, ...proof } = input;
    const result = await services.oidcLinks.link(scope.identity, ticket, proof);
    return result.ok
      ? { providerName: result.value.name, userErrors: [] }
      : { providerName: null, userErrors: [result.error] };
  },
};

const Organization: Pick<OrganizationResolvers, 'oidcProviders'> = {
  oidcProviders: ({ id }, _, { services, scope }) =>
    services.oidcProviders.ofOrganization(scope.identity, id),
};

const OidcProvider: Pick<OidcProviderResolvers, 'id' | 'defaultRole' | 'loginUrl' | 'redirectUri'> = {
  id: ({ id }) => encodeId('oidcProvider', id),
  defaultRole: ({ defaultRole }) => (defaultRole === null ? null : systemRole(defaultRole)),
  loginUrl: ({ id }, _, { publicUrl }) => loginUrlOf(publicUrl, id),
  redirectUri: ({ id }, _, { publicUrl }) => redirectUriOf(publicUrl, id),
};

export const oidcResolvers = { Query, Mutation, Organization, OidcProvider } satisfies Resolvers;
