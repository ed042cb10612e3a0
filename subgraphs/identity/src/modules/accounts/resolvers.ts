import { idArgument } from '@weir/graphql/id-argument';
import { encodeId } from '@weir/kernel/ids';
import { formatRates } from '@weir/kernel/rates';
import type {
  AccountResolvers,
  AccountUpdateInput,
  MutationResolvers,
  OrganizationResolvers,
  Resolvers,
} from '../../generated/resolvers-types.ts';
import { accessChangeOf } from '../access/access-input.ts';
import { routingChangeOf } from '../routing/routing-input.ts';
import type { AccountResult } from './account-changes.ts';
import type { AccountChange } from './account-rules.ts';

type OwnFields = Pick<
  AccountResolvers,
  '__resolveReference' | 'id' | 'parent' | 'path' | 'effectiveAccess' | 'rates'
>;

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
  effectiveAccess: (account, _, { services, scope }) => services.accounts.effectiveAccess(scope, account),
  rates: ({ ratesPpm }) => formatRates(ratesPpm),
};

/** The members that creation and update share. None of those that stand here can be cleared. */
function changeOf(input: Omit<AccountUpdateInput, 'id'>): AccountChange {
  return {
    ...accessChangeOf(input),
    routing: routingChangeOf(input.routing),
    tier: input.tier ?? undefined,
    rates: input.rates ?? undefined,
  };
}

function toPayload(result: AccountResult) {
  return result.ok ? { account: result.value, userErrors: [] } : { account: null, userErrors: result.error };
}

const Mutation: Pick<
  MutationResolvers,
  'accountCreate' | 'accountUpdate' | 'accountSuspend' | 'accountActivate'
> = {
  async accountCreate(_, { input }, { services, scope }) {
    const { kind, name } = input;
    const parentId = idArgument('account', input.parentId, 'parentId');
    return toPayload(await services.accounts.create(scope, { ...changeOf(input), parentId, kind, name }));
  },
  async accountUpdate(_, { input }, { services, scope }) {
    const update = {
      ...changeOf(input),
      id: idArgument('account', input.id, 'id'),
      name: input.name ?? undefined,
      expectedVersion: input.expectedVersion ?? undefined,
    };
    return toPayload(await services.accounts.update(scope, update));
  },
  async accountSuspend(_, { input }, { services, scope }) {
    const id = idArgument('account', input.id, 'id');
    return toPayload(await services.accounts.setStatus(scope, id, 'SUSPENDED'));
  },
  async accountActivate(_, { input }, { services, scope }) {
    const id = idArgument('account', input.id, 'id');
    return toPayload(await services.accounts.setStatus(scope, id, 'ACTIVE'));
  },
};

export const accountResolvers = { Organization, Account, Mutation } satisfies Resolvers;
