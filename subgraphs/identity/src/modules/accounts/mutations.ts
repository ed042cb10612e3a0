import { idArgument } from '@weir/graphql/id-argument';
import type { AccountUpdateInput, MutationResolvers } from '../../generated/resolvers-types.ts';
import { accessChangeOf } from '../access/access-input.ts';
import { routingChangeOf } from '../routing/routing-input.ts';
import type { AccountResult } from './account-changes.ts';
import type { AccountChange } from './account-rules.ts';

type AccountMutations = Pick<
  MutationResolvers,
  | 'accountCreate'
  | 'accountUpdate'
  | 'accountSuspend'
  | 'accountActivate'
  | 'accountMove'
  | 'accountDelete'
  | 'accountSubtreeUpdate'
>;

/** The members that creation and update share. None of those that stand here can be cleared. */
function changeOf(input: Omit<AccountUpdateInput, 'id'>): AccountChange {
  return {
    ...accessChangeOf(input),
    description: input.description ?? undefined,
    routing: routingChangeOf(input.routing),
    tier: input.tier ?? undefined,
    rates: input.rates ?? undefined,
  };
}

function toPayload(result: AccountResult) {
  return result.ok ? { account: result.value, userErrors: [] } : { account: null, userErrors: result.error };
}

export const accountMutations: AccountMutations = {
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
  async accountMove(_, { input }, { services, scope }) {
    const result = await services.accounts.move(scope, {
      id: idArgument('account', input.id, 'id'),
      parentId: idArgument('account', input.parentId, 'parentId'),
      onConflict: input.onConflict ?? 'REFUSE',
      expectedVersion: input.expectedVersion ?? undefined,
    });
    if (result.ok) return { ...result.value, conflicts: [], userErrors: [] };
    const { problems, conflicts } = result.error;
    return { account: null, movedCount: null, narrowedCount: null, conflicts, userErrors: problems };
  },
  async accountDelete(_, { input }, { services, scope }) {
    const result = await services.accounts.remove(scope, {
      id: idArgument('account', input.id, 'id'),
      expectedVersion: input.expectedVersion ?? undefined,
    });
    return result.ok
      ? { ...result.value, userErrors: [] }
      : { account: null, movedCount: null, revokedKeyCount: null, userErrors: result.error };
  },
  async accountSubtreeUpdate(_, { input }, { services, scope }) {
    const result = await services.accounts.updateSubtree(scope, {
      id: idArgument('account', input.id, 'id'),
      includesTop: input.includeSelf ?? true,
      isDryRun: input.dryRun ?? false,
      change: {
        ...accessChangeOf(input),
        routing: routingChangeOf(input.routing),
        tier: input.tier ?? undefined,
        rates: input.rates ?? undefined,
      },
    });
    return result.ok
      ? { ...result.value, userErrors: [] }
      : { account: null, accountCount: null, changedCount: null, userErrors: result.error };
  },
};
