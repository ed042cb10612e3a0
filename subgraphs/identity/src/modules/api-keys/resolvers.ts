import { idArgument } from '@weir/graphql/id-argument';
import { encodeId } from '@weir/kernel/ids';
import type {
  AccountResolvers,
  ApiKeyResolvers,
  MutationResolvers,
  OrganizationResolvers,
  Resolvers,
} from '../../generated/resolvers-types.ts';
import { statusOf } from './api-key.ts';

type OwnFields = Pick<ApiKeyResolvers, '__resolveReference' | 'id' | 'status' | 'account'>;

const Organization: Pick<OrganizationResolvers, 'apiKeys'> = {
  apiKeys: ({ id }, args, { services, scope }) => services.apiKeys.list(scope, { organizationId: id }, args),
};

const Account: Pick<AccountResolvers, 'apiKeys'> = {
  apiKeys: ({ id, organizationId }, args, { services, scope }) =>
    services.apiKeys.list(scope, { organizationId, accountId: id }, args),
};

const ApiKey: OwnFields = {
  __resolveReference: ({ id }, { services, scope }) =>
    services.apiKeys.byId(scope, idArgument('apiKey', id, 'id')),
  id: ({ id }) => encodeId('apiKey', id),
  status: (apiKey, _, { clock }) => statusOf(apiKey, clock.now()),
  account: ({ accountId }, _, { services, scope }) => services.accounts.byId(scope, accountId),
};

const Mutation: Pick<MutationResolvers, 'apiKeyCreate' | 'apiKeyRevoke'> = {
  async apiKeyCreate(_, { input }, { services, scope }) {
    const result = await services.apiKeys.create(scope, {
      organizationId: idArgument('organization', input.organizationId, 'organizationId'),
      accountId: input.accountId ? idArgument('account', input.accountId, 'accountId') : undefined,
      name: input.name,
      scopes: input.scopes ?? [],
      expiresAt: input.expiresAt ?? null,
      disconnectPolicy: input.disconnectPolicy ?? 'ABORT',
    });
    return result.ok
      ? { ...result.value, userErrors: [] }
      : { apiKey: null, secret: null, userErrors: result.error };
  },

  async apiKeyRevoke(_, { input }, { services, scope }) {
    const result = await services.apiKeys.revoke(scope, idArgument('apiKey', input.id, 'id'));
    return result.ok ? { apiKey: result.value, userErrors: [] } : { apiKey: null, userErrors: result.error };
  },
};

export const apiKeyResolvers = { Organization, Account, ApiKey, Mutation } satisfies Resolvers;
