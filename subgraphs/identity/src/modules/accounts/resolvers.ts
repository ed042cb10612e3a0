import { idArgument } from '@weir/graphql/id-argument';
import { encodeId } from '@weir/kernel/ids';
import type { AccountResolvers, OrganizationResolvers, Resolvers } from '../../generated/resolvers-types.ts';

type OwnFields = Pick<AccountResolvers, '__resolveReference' | 'id' | 'parent' | 'path'>;

const Organization: Pick<OrganizationResolvers, 'accounts'> = {
  accounts: (organization, args, { services, scope }) => services.accounts.list(scope, organization.id, args),
};

const Account: OwnFields = {
  __resolveReference: ({ id }, { services, scope }) =>
    services.accounts.byId(scope, idArgument('account', id, 'id')),
  id: ({ id }) => encodeId('account', id),
  parent: ({ parentId }, _, { services, scope }) =>
    parentId === null ? null : services.accounts.byId(scope, parentId),
  path: (account, _, { services, scope }) => services.accounts.pathOf(scope, account),
};

export const accountResolvers = { Organization, Account } satisfies Resolvers;
