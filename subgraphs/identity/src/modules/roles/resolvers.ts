import { SYSTEM_ROLE_DESCRIPTIONS } from '@weir/contracts/permission-matrix';
import { idArgument } from '@weir/graphql/id-argument';
import type {
  MutationResolvers,
  OrganizationResolvers,
  Resolvers,
  RoleResolvers,
} from '../../generated/resolvers-types.ts';
import { roleArgument, roleIdOf } from './role-id.ts';
import type { RoleResult } from './role-changes.ts';
import { nameOfRole } from './role-name.ts';
import { permissionsOf } from './role.ts';

const Organization: Pick<OrganizationResolvers, 'roles'> = {
  roles: ({ id }, args, { services, scope }) => services.roles.list(scope, id, args),
};

const Role: Required<Omit<RoleResolvers, '__isTypeOf'>> = {
  id: roleIdOf,
  kind: ({ kind }) => kind,
  name: nameOfRole,
  description: (role) => (role.kind === 'SYSTEM' ? SYSTEM_ROLE_DESCRIPTIONS[role.name] : role.description),
  permissions: (role) => permissionsOf(role).toSorted(),
  holderCount: (role, _, { services, scope }) => services.roles.holderCount(scope, role),
  version: (role) => (role.kind === 'SYSTEM' ? 1 : role.version),
  createdAt: (role) => (role.kind === 'SYSTEM' ? null : role.createdAt),
};

function toPayload(result: RoleResult) {
  return result.ok ? { role: result.value, userErrors: [] } : { role: null, userErrors: result.error };
}

const Mutation: Pick<MutationResolvers, 'roleCreate' | 'roleUpdate' | 'roleDelete'> = {
  async roleCreate(_, { input }, { services, scope }) {
    const { name, permissions } = input;
    const organizationId = idArgument('organization', input.organizationId, 'organizationId');
    const description = input.description ?? '';
    return toPayload(await services.roles.create(scope, { organizationId, name, description, permissions }));
  },

  async roleUpdate(_, { input }, { services, scope }) {
    const result = await services.roles.update(scope, {
      role: roleArgument(input.id, 'id'),
      // None can be cleared, so null is the same as absent.
      name: input.name ?? undefined,
      description: input.description ?? undefined,
      permissions: input.permissions ?? undefined,
      expectedVersion: input.expectedVersion ?? undefined,
    });
    return toPayload(result);
  },

  async roleDelete(_, { input }, { services, scope }) {
    const result = await services.roles.delete(scope, roleArgument(input.id, 'id'));
    return result.ok
      ? { deletedId: roleIdOf(result.value), userErrors: [] }
      : { deletedId: null, userErrors: result.error };
  },
};

export const roleResolvers = { Organization, Role, Mutation } satisfies Resolvers;
