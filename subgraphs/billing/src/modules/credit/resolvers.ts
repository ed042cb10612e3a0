import { canSee } from '@weir/graphql/authorization';
import { idArgument } from '@weir/graphql/id-argument';
import { toMoney } from '@weir/graphql/money';
import { decodeId, encodeId } from '@weir/kernel/ids';
import type {
  AccountCreditResolvers,
  AccountResolvers,
  CreditLotResolvers,
  MutationResolvers,
} from '../../generated/resolvers-types.ts';
import { toReference } from '../budgets/convert.ts';
import { balance, granted, lapsed, openLots, remaining, spent } from './credit.ts';

export const creditMutations: Pick<MutationResolvers, 'creditGrant' | 'creditEnforcementSet'> = {
  async creditGrant(_, { input }, { services, identity }) {
    const accountId = idArgument('account', input.accountId, 'accountId');
    const result = await services.credit.grant(identity, { ...input, accountId });
    if (!result.ok) return { account: null, lot: null, userErrors: result.error };
    return { account: toReference('account', accountId), lot: result.value, userErrors: [] };
  },
  async creditEnforcementSet(_, { input }, { services, identity }) {
    const accountId = idArgument('account', input.accountId, 'accountId');
    const result = await services.credit.setEnforced(identity, accountId, input.isEnforced);
    if (!result.ok) return { account: null, userErrors: result.error };
    return { account: toReference('account', accountId), userErrors: [] };
  },
};

export const account: Pick<AccountResolvers, 'credit'> = {
  credit({ id }, _, { identity, loaders }) {
    const accountId = decodeId('account', id);
    const { organizationId } = identity;
    if (accountId === undefined || organizationId === null) return null;
    return canSee(identity, 'billing:read', { organizationId }) ? loaders.credit.load(accountId) : null;
  },
};

export const accountCredit: AccountCreditResolvers = {
  balance: (credit) => toMoney(balance(credit)),
  granted: (credit) => toMoney(granted(credit)),
  spent: (credit) => toMoney(spent(credit)),
  lapsed: (credit) => toMoney(lapsed(credit)),
  lots: (credit) => openLots(credit),
};

export const creditLot: CreditLotResolvers = {
  id: ({ id }) => encodeId('creditLot', id),
  amount: ({ amount }) => toMoney(amount),
  remaining: (lot) => toMoney(remaining(lot)),
  grantedAt: ({ grantedAtMs }) => new Date(grantedAtMs),
  expiresAt: ({ expiresAtMs }) => new Date(expiresAtMs),
};
