import type { Role } from './role.ts';

/** What people call a role. */
export function nameOfRole(role: Role): string {
  return role.kind === 'SYSTEM' ? role.name.charAt(0) + role.name.slice(1).toLowerCase() : role.name;
}
