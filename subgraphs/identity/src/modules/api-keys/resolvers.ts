import { idArgument } from '@weir/graphql/id-argument';
import { mapEvents } from '@weir/graphql/map-events';
import { encodeId } from '@weir/kernel/ids';
import type {
  AccountResolvers,
  ApiKeyResolvers,
  OrganizationResolvers,
  Resolvers,
  SubscriptionResolvers,
} from '../../generated/resolvers-types.ts';
import { statusOf } from './api-key.ts';
import { apiKeyMutations } from './mutations.ts';

type OwnFields = Pick<
  ApiKeyResolvers,
  '__resolveReference' | 'id' | 'status' | 'account' | 'replaces' | 'effectiveAccess'
>;

const Organization: Pick<OrganizationResolvers, 'apiKeys' | 'expiringApiKeys'> = {
  apiKeys: ({ id }, args, { services, scope }) => services.apiKeys.list(scope, { organizationId: id }, args),
  expiringApiKeys: ({ id }, { withinDays }, { services, scope }) =>
    services.apiKeys.expiring(scope, id, withinDays),
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
  replaces: ({ replacesId }, _, { services, scope }) =>
    replacesId === null ? null : services.apiKeys.byId(scope, replacesId),
  effectiveAccess: (apiKey, _, { services, scope }) => services.apiKeys.effectiveAccess(scope, apiKey),
};

const Subscription: Pick<SubscriptionResolvers, 'apiKeyExpiring'> = {
  apiKeyExpiring: {
    async subscribe(_, { organizationId }, { services, scope }) {
      const id = idArgument('organization', organizationId, 'organizationId');
      const keys = await services.apiKeys.watchExpiring(scope, id);
      return mapEvents(keys, (apiKeyExpiring) => ({ apiKeyExpiring }));
    },
  },
};

export const apiKeyResolvers = {
  Organization,
  Account,
  ApiKey,
  Mutation: apiKeyMutations,
  Subscription,
} satisfies Resolvers;
