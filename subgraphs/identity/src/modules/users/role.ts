import { PERMISSIONS, type Permission } from '@weir/contracts/internal-identity';

/** The system roles of an organization's members. */
export const ROLES = ['OWNER', 'ADMIN', 'MANAGER', 'ANALYST', 'DEVELOPER', 'FINANCE'] as const;

export type Role = (typeof ROLES)[number];

const everythingBut = (...denied: readonly Permission[]): readonly Permission[] =>
  PERMISSIONS.filter((permission) => !denied.includes(permission));

/**
 * What each role may do: the one place that says so. Services ask for permissions and never for roles, so a change
 * here is a change everywhere.
 */
const PERMISSIONS_OF: Readonly<Record<Role, readonly Permission[]>> = {
  OWNER: PERMISSIONS,
  ADMIN: everythingBut('org.delete'),
  MANAGER: [
    'org.read',
    'org.members.read',
    'org.members.invite',
    'org.members.remove',
    'org.members.update_role',
    'org.budget.read',
    'account.read',
    'usage.read',
  ],
  ANALYST: ['org.read', 'account.read', 'usage.read'],
  DEVELOPER: ['org.read', 'account.read', 'apikey.read'],
  FINANCE: [
    'org.read',
    'org.budget.read',
    'org.budget.write',
    'org.billing.read',
    'org.billing.write',
    'account.read',
    'usage.read',
  ],
};

export function permissionsOfRole(role: Role): readonly Permission[] {
  return PERMISSIONS_OF[role];
}

export function isRole(text: string): text is Role {
  return ROLES.some((role) => role === text);
}
