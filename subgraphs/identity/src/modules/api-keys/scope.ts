import { PERMISSIONS, type Permission } from '@weir/contracts/internal-identity';

/** What an API key may be used for. */
export const SCOPES = ['inference:read', 'inference:write', 'analytics:read', 'admin'] as const;

export type Scope = (typeof SCOPES)[number];

/** Programs administer things, not people, and do not end their own organization. */
const NOT_FOR_PROGRAMS: readonly Permission[] = [
  'org.delete',
  'org.members.invite',
  'org.members.remove',
  'org.members.update_role',
];

/** What each scope permits here, on the management side. The inference path looks at the scopes themselves. */
const PERMISSIONS_OF: Readonly<Record<Scope, readonly Permission[]>> = {
  'inference:read': ['org.read'],
  'inference:write': ['org.read'],
  'analytics:read': ['org.read', 'org.budget.read', 'account.read', 'usage.read'],
  admin: PERMISSIONS.filter((permission) => !NOT_FOR_PROGRAMS.includes(permission)),
};

/** Without repetition, in the order of the permission table. */
export function permissionsOfScopes(scopes: readonly Scope[]): readonly Permission[] {
  return PERMISSIONS.filter((permission) =>
    scopes.some((scope) => PERMISSIONS_OF[scope].includes(permission)),
  );
}

export function isScope(text: string): text is Scope {
  return SCOPES.some((scope) => scope === text);
}

/** The first scope that somebody with these permissions may not give away, if any. */
export function firstNotGrantable(scopes: readonly Scope[], held: readonly Permission[]): Scope | undefined {
  return scopes.find((scope) => PERMISSIONS_OF[scope].some((permission) => !held.includes(permission)));
}
