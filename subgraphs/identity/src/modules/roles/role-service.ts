import { SYSTEM_ROLES } from '@weir/contracts/permission-matrix';
import { authorize } from '@weir/graphql/authorization';
import {
  connectionOf,
  pageOf,
  type Connection,
  type ConnectionArgs,
  type KeysetOrder,
} from '@weir/graphql/connection';
import type { Clock } from '@weir/kernel/clock';
import type { Uuid } from '@weir/kernel/ids';
import type { Database } from '@weir/prisma/database';
import { withTenant } from '@weir/prisma/tenant';
import { tenantOf, type ActorScope } from '../../actor-scope.ts';
import { createRoleChanges, type RoleChanges } from './role-changes.ts';
import { roleIdOf } from './role-id.ts';
import { createRoleStore } from './role-store.ts';
import { systemRole, type Role } from './role.ts';

export interface RoleReads {
  /**
   * System roles first, then the organization's own by name.
   * @throws AppError UNAUTHENTICATED, NOT_FOUND, FORBIDDEN, or BAD_USER_INPUT for impossible pages.
   */
  list(scope: ActorScope, organizationId: Uuid, args: ConnectionArgs): Promise<CountedRoles>;
  /**
   * How many members, invited people and service accounts have the role.
   * @throws AppError UNAUTHENTICATED or FORBIDDEN.
   */
  holderCount(scope: ActorScope, role: Role): Promise<number | null>;
}

export type CountedRoles = Connection<Role> & { readonly totalCount: number };
export type RoleService = RoleReads & RoleChanges;

export interface RoleDeps {
  readonly db: Database;
  readonly clock: Clock;
}

/** There are at most as many as a page shows several times over, so a page is cut from all of them. */
const ORDER: KeysetOrder<Role> = { name: 'roles', keyCount: 1, keysOf: (role) => [roleIdOf(role)] };

export function createRoleService(deps: RoleDeps): RoleService {
  const { db } = deps;
  return {
    async list(scope, organizationId, args) {
      authorize(scope.identity, 'role:read', { organizationId });
      const page = pageOf(args, ORDER);
      const custom = await withTenant(db, tenantOf(scope.identity), (tx) =>
        createRoleStore(tx).all(organizationId),
      );
      const all: readonly Role[] = [...SYSTEM_ROLES.map(systemRole), ...custom];
      const [before] = page.after ?? [];
      // A role that was deleted meanwhile ends the list rather than begin it anew.
      const from = before === undefined ? 0 : all.findIndex((role) => roleIdOf(role) === before) + 1;
      const rows = before !== undefined && from === 0 ? [] : all.slice(from, from + page.take);
      return { ...connectionOf(rows, page, ORDER), totalCount: all.length };
    },

    async holderCount(scope, role) {
      const { organizationId } = scope.identity;
      if (organizationId === null) return null;
      authorize(scope.identity, 'member:read', { organizationId });
      const holders = await scope.loaders.roleHolders.load(organizationId);
      const key = role.kind === 'SYSTEM' ? role.name : role.id;
      return holders.find((holder) => holder.role === key)?.count ?? 0;
    },

    ...createRoleChanges(deps),
  };
}
