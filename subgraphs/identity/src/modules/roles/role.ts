import {
  permissionsOfRole,
  SYSTEM_ROLES,
  type Permission,
  type SystemRole,
} from '@weir/contracts/permission-matrix';
import type { Uuid } from '@weir/kernel/ids';

/** A role that an organization has made for itself. */
export interface CustomRole {
  readonly kind: 'CUSTOM';
  readonly id: Uuid;
  readonly organizationId: Uuid;
  readonly name: string;
  readonly description: string;
  /** In the order of the matrix. */
  readonly permissions: readonly Permission[];
  /** Grows with every change. */
  readonly version: number;
  readonly createdAt: Date;
}

/** What a member may do: a role that everybody has, or one of the organization's own. */
export type Role = { readonly kind: 'SYSTEM'; readonly name: SystemRole } | CustomRole;

export const systemRole = (name: SystemRole): Role => ({ kind: 'SYSTEM', name });

export const isOwner = (role: Role): boolean => role.kind === 'SYSTEM' && role.name === 'OWNER';

export function permissionsOf(role: Role): readonly Permission[] {
  return role.kind === 'SYSTEM' ? permissionsOfRole(role.name) : role.permissions;
}

const BELOW_ADMIN = SYSTEM_ROLES.filter((name) => name !== 'OWNER' && name !== 'ADMIN');

/** What somebody may give to others: what they have; and Managers everything that roles below Admin have. */
function grantableBy(role: Role): readonly Permission[] {
  return role.kind === 'SYSTEM' && role.name === 'MANAGER'
    ? BELOW_ADMIN.flatMap(permissionsOfRole)
    : permissionsOf(role);
}

/**
 * Whether a member with one role may give the other, and manage those who have it: nobody reaches above themselves.
 * Whether the member may manage anybody at all is a permission.
 */
export function reaches(role: Role, other: Role): boolean {
  const grantable = new Set(grantableBy(role));
  return permissionsOf(other).every((permission) => grantable.has(permission));
}
