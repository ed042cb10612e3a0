/** People who operate the platform itself; being one grants nothing inside an organization. */
export const PLATFORM_ROLES = ['SYSTEM_ADMIN', 'SUPPORT'] as const;

export type PlatformRole = (typeof PLATFORM_ROLES)[number];

interface PlatformPermissionRow {
  /** A sentence for people: what somebody may do who has it. */
  readonly allows: string;
  readonly roles: readonly PlatformRole[];
}

/** What operating the platform consists of, and who may. No role of an organization and no API key ever does. */
export const PLATFORM_MATRIX = {
  'platform.organizations.read': {
    allows: 'See every organization: what it is called, its plan, its status and its contacts.',
    roles: PLATFORM_ROLES,
  },
  'platform.organizations.write': {
    allows: 'Create organizations, change their plan and status, and delete them.',
    roles: ['SYSTEM_ADMIN'],
  },
  'platform.people.write': {
    allows: 'Decide who operates the platform, and as what.',
    roles: ['SYSTEM_ADMIN'],
  },
  'platform.audit.read': {
    allows: 'Read, verify and export the platform’s own audit trail.',
    roles: ['SYSTEM_ADMIN'],
  },
  'platform.sign_in.write': {
    allows: 'Decide through which OpenID providers people of every organization sign in.',
    roles: ['SYSTEM_ADMIN'],
  },
  'platform.signing_keys': {
    allows: 'See and replace the keys that sign access tokens.',
    roles: ['SYSTEM_ADMIN'],
  },
  'platform.impersonate': {
    allows: 'Look into an organization with its consent, for a while, without changing anything.',
    roles: PLATFORM_ROLES,
  },
} as const satisfies Readonly<Record<string, PlatformPermissionRow>>;

export type PlatformPermission = keyof typeof PLATFORM_MATRIX;

/** Everything that somebody who operates the platform may be permitted to do, to any organization. */
export const PLATFORM_ACTIONS = {
  'platformOrganization:read': 'platform.organizations.read',
  'platformOrganization:create': 'platform.organizations.write',
  'platformOrganization:update': 'platform.organizations.write',
  'platformOrganization:delete': 'platform.organizations.write',
  'platformPerson:update': 'platform.people.write',
  'platformAudit:read': 'platform.audit.read',
  'platformSignInProvider:write': 'platform.sign_in.write',
  'signingKey:read': 'platform.signing_keys',
  'signingKey:rotate': 'platform.signing_keys',
  'impersonation:start': 'platform.impersonate',
} as const satisfies Readonly<Record<string, PlatformPermission>>;

export type PlatformAction = keyof typeof PLATFORM_ACTIONS;

/** In the order of the matrix. */
export function permissionsOfPlatformRole(role: PlatformRole): readonly PlatformPermission[] {
  const permissions = Object.keys(PLATFORM_MATRIX) as PlatformPermission[];
  return permissions.filter((permission) => {
    const row: PlatformPermissionRow = PLATFORM_MATRIX[permission];
    return row.roles.includes(role);
  });
}
