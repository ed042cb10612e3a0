import { requireSignedIn } from '@weir/graphql/authorization';
import { idArgument } from '@weir/graphql/id-argument';
import type { Uuid } from '@weir/kernel/ids';
import type { Context } from '../../context.ts';
import type { MutationResolvers, OrganizationResolvers, Resolvers } from '../../generated/resolvers-types.ts';
import { listArgsOf } from '../accounts/account-list-input.ts';
import { noSuchAccount } from '../accounts/changeable-account.ts';
import { roleArgument } from '../roles/role-id.ts';

const KIND = 'SERVICE_ACCOUNT';

const Organization: Pick<OrganizationResolvers, 'serviceAccounts'> = {
  serviceAccounts(organization, args, { services, scope }) {
    const listArgs = listArgsOf(args);
    const filters = [...listArgs.filters, { kinds: [KIND] } as const];
    return services.accounts.list(scope, organization.id, { ...listArgs, filters });
  },
};

/**
 * Accounts of other kinds are no service accounts, wherever they are.
 * @throws AppError UNAUTHENTICATED
 */
async function isServiceAccount(id: Uuid, { scope }: Context): Promise<boolean> {
  requireSignedIn(scope.identity);
  return (await scope.loaders.accounts.load(id))?.kind === KIND;
}

const Mutation: Pick<
  MutationResolvers,
  'serviceAccountCreate' | 'serviceAccountUpdate' | 'serviceAccountDelete'
> = {
  async serviceAccountCreate(_, { input }, { services, scope }) {
    const result = await services.accounts.create(scope, {
      parentId: idArgument('account', input.parentId, 'parentId'),
      kind: KIND,
      name: input.name,
      description: input.description ?? undefined,
      role: roleArgument(input.roleId, 'roleId'),
    });
    return result.ok
      ? { account: result.value, userErrors: [] }
      : { account: null, userErrors: result.error };
  },

  async serviceAccountUpdate(_, { input }, context) {
    const { services, scope } = context;
    const id = idArgument('account', input.id, 'id');
    if (!(await isServiceAccount(id, context))) return { account: null, userErrors: [noSuchAccount] };
    const result = await services.accounts.update(scope, {
      id,
      // None can be cleared, so null is the same as absent.
      name: input.name ?? undefined,
      description: input.description ?? undefined,
      role: input.roleId == null ? undefined : roleArgument(input.roleId, 'roleId'),
      expectedVersion: input.expectedVersion ?? undefined,
    });
    return result.ok
      ? { account: result.value, userErrors: [] }
      : { account: null, userErrors: result.error };
  },

  async serviceAccountDelete(_, { input }, context) {
    const { services, scope } = context;
    const id = idArgument('account', input.id, 'id');
    const nothing = { account: null, revokedKeyCount: null };
    if (!(await isServiceAccount(id, context))) return { ...nothing, userErrors: [noSuchAccount] };
    const result = await services.accounts.remove(scope, {
      id,
      expectedVersion: input.expectedVersion ?? undefined,
    });
    if (!result.ok) return { ...nothing, userErrors: result.error };
    const { account, revokedKeyCount } = result.value;
    return { account, revokedKeyCount, userErrors: [] };
  },
};

export const serviceAccountResolvers = { Organization, Mutation } satisfies Resolvers;
