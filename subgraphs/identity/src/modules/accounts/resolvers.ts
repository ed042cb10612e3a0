import { idArgument } from '@weir/graphql/id-argument';
import { AppError } from '@weir/kernel/errors';
import { encodeId } from '@weir/kernel/ids';
import { formatRates } from '@weir/kernel/rates';
import type {
  AccountConflictResolvers,
  AccountResolvers,
  OrganizationResolvers,
  QueryResolvers,
  Resolvers,
} from '../../generated/resolvers-types.ts';
import { ancestorIdsOf } from './account.ts';
import { pathArgument } from './account-filter.ts';
import { listArgsOf } from './account-list-input.ts';
import { accountMutations } from './mutations.ts';

type OwnFields = Pick<
  AccountResolvers,
  | '__resolveReference'
  | 'id'
  | 'parent'
  | 'path'
  | 'dna'
  | 'children'
  | 'childrenCount'
  | 'descendantsCount'
  | 'effectiveAccess'
  | 'rates'
  | 'role'
>;

const Query: Pick<QueryResolvers, 'account'> = {
  account(_, { id, path }, { services, scope }) {
    if ((id == null) === (path == null)) {
      throw new AppError('BAD_USER_INPUT', 'Give either an id or a path.', { param: 'id' });
    }
    return id == null
      ? services.accounts.byPath(scope, pathArgument(path ?? '', 'path'))
      : services.accounts.byId(scope, idArgument('account', id, 'id'));
  },
};

const Organization: Pick<OrganizationResolvers, 'accounts'> = {
  accounts: (organization, args, { services, scope }) =>
    services.accounts.list(scope, organization.id, listArgsOf(args)),
};

const Account: OwnFields = {
  __resolveReference: ({ id }, { services, scope }) =>
    services.accounts.byId(scope, idArgument('account', id, 'id')),
  id: ({ id }) => encodeId('account', id),
  parent: ({ parentId }, _, { services, scope }) =>
    parentId === null ? null : services.accounts.byId(scope, parentId),
  path: (account, _, { services, scope }) => services.accounts.pathOf(scope, account),
  async dna(account, _, { services, scope }) {
    const seen = new Set((await services.accounts.pathOf(scope, account)).map(({ id }) => id));
    const ids = ancestorIdsOf(account).filter((id) => seen.has(id));
    return `.${ids.map((id) => `${encodeId('account', id)}.`).join('')}`;
  },
  children: ({ id, organizationId }, args, { services, scope }) =>
    services.accounts.list(scope, organizationId, listArgsOf(args, id)),
  childrenCount: ({ id }, _, { scope }) => scope.loaders.childrenCounts.load(id),
  descendantsCount: (account, _, { scope }) => scope.loaders.descendantsCounts.load(account),
  effectiveAccess: (account, _, { services, scope }) => services.accounts.effectiveAccess(scope, account),
  rates: ({ ratesPpm }) => formatRates(ratesPpm),
  role: ({ serviceRole }) => serviceRole,
};

const AccountConflict: Pick<AccountConflictResolvers, 'account'> = {
  account: ({ accountId }, _, { services, scope }) => services.accounts.byId(scope, accountId),
};

export const accountResolvers = {
  Query,
  Organization,
  Account,
  AccountConflict,
  Mutation: accountMutations,
} satisfies Resolvers;
