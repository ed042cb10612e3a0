/** The roles of an organization's members that everybody has and nobody changes; each organization may add its own. */
export const SYSTEM_ROLES = ['OWNER', 'ADMIN', 'MANAGER', 'ANALYST', 'DEVELOPER', 'FINANCE'] as const;

export type SystemRole = (typeof SYSTEM_ROLES)[number];

/** A sentence for people about each. */
export const SYSTEM_ROLE_DESCRIPTIONS: Readonly<Record<SystemRole, string>> = {
  OWNER: 'Everything, including to delete the organization. Every organization has at least one.',
  ADMIN: 'Everything but to delete the organization.',
  MANAGER: 'Manages the members below Admin, and sees budgets and usage.',
  ANALYST: 'Sees accounts and usage.',
  DEVELOPER: 'Uses the inference API, and sees accounts and keys.',
  FINANCE: 'Manages budgets and bills, and sees usage.',
};

/** What an API key may be used for. */
export const SCOPES = ['inference:read', 'inference:write', 'analytics:read', 'admin'] as const;

export type Scope = (typeof SCOPES)[number];

interface PermissionRow {
  /** A sentence for people: what somebody may do who has it. */
  readonly allows: string;
  readonly roles: readonly SystemRole[];
  /** Of the management API; the inference path looks at the scopes themselves. */
  readonly scopes: readonly Scope[];
}

const OWNER: readonly SystemRole[] = ['OWNER'];
const ADMINS: readonly SystemRole[] = [...OWNER, 'ADMIN'];
const MANAGERS: readonly SystemRole[] = [...ADMINS, 'MANAGER'];
const FINANCIERS: readonly SystemRole[] = [...ADMINS, 'FINANCE'];

/** Programs administer things, not people, and do not end their own organization. */
const NO_KEY: readonly Scope[] = [];
const ADMIN_KEY: readonly Scope[] = ['admin'];
const REPORTING_KEYS: readonly Scope[] = [...ADMIN_KEY, 'analytics:read'];

/**
 * Everything that may be permitted, and to whom: the one place that says so. Services, `viewer.permissions`, custom
 * roles, tests and docs/permissions.md read it, so a change here is a change everywhere.
 */
export const PERMISSION_MATRIX = {
  'org.read': {
    allows: 'See the organization, its settings and its roles.',
    roles: SYSTEM_ROLES,
    scopes: SCOPES,
  },
  'org.write': { allows: 'Change the organization and its settings.', roles: ADMINS, scopes: ADMIN_KEY },
  'org.delete': { allows: 'Delete the organization.', roles: OWNER, scopes: NO_KEY },
  'org.members.read': { allows: 'See members and invitations.', roles: MANAGERS, scopes: ADMIN_KEY },
  'org.members.invite': {
    allows: 'Invite people, send invitations again and revoke them.',
    roles: MANAGERS,
    scopes: NO_KEY,
  },
  'org.members.remove': {
    allows: 'Suspend, reactivate and remove members.',
    roles: MANAGERS,
    scopes: NO_KEY,
  },
  'org.members.update_role': { allows: 'Change the roles of members.', roles: MANAGERS, scopes: NO_KEY },
  'org.members.sessions': {
    allows: 'See where members are signed in, end their sessions, and reset their second factors.',
    roles: ADMINS,
    scopes: NO_KEY,
  },
  'org.roles.write': { allows: 'Create, change and delete custom roles.', roles: ADMINS, scopes: NO_KEY },
  // Whoever decides where people sign in could be any of them, so it is not for those who may not be an Owner.
  'org.sign_in.write': {
    allows: 'Decide through which OpenID providers people sign in.',
    roles: OWNER,
    scopes: NO_KEY,
  },
  'org.budget.read': {
    allows: 'See budgets, what is spent of them, and their alerts.',
    roles: [...MANAGERS, 'FINANCE'],
    scopes: REPORTING_KEYS,
  },
  'org.budget.write': { allows: 'Create and change budgets.', roles: FINANCIERS, scopes: ADMIN_KEY },
  'org.billing.read': { allows: 'See credit and invoices.', roles: FINANCIERS, scopes: ADMIN_KEY },
  'org.billing.write': { allows: 'Change prices and grant credit.', roles: FINANCIERS, scopes: ADMIN_KEY },
  'account.read': {
    allows: 'See accounts, their limits, lists and routing.',
    roles: SYSTEM_ROLES,
    scopes: REPORTING_KEYS,
  },
  'account.write': { allows: 'Create, change and move accounts.', roles: ADMINS, scopes: ADMIN_KEY },
  'apikey.read': {
    allows: 'See API keys, never their secrets.',
    roles: [...ADMINS, 'DEVELOPER'],
    scopes: ADMIN_KEY,
  },
  'apikey.create': { allows: 'Create and change API keys.', roles: ADMINS, scopes: ADMIN_KEY },
  'apikey.rotate': { allows: 'Replace API keys by new ones.', roles: ADMINS, scopes: ADMIN_KEY },
  'apikey.revoke': { allows: 'Revoke API keys.', roles: ADMINS, scopes: ADMIN_KEY },
  'providerkey.read': {
    allows: 'See the keys of providers, never their secrets.',
    roles: ADMINS,
    scopes: ADMIN_KEY,
  },
  'providerkey.write': {
    allows: 'Add, change and test keys of providers.',
    roles: ADMINS,
    scopes: ADMIN_KEY,
  },
  'routing.write': { allows: 'Change the routing of accounts.', roles: ADMINS, scopes: ADMIN_KEY },
  'model.write': {
    allows: 'Register, change and retire models of the organization.',
    roles: ADMINS,
    scopes: ADMIN_KEY,
  },
  'usage.read': {
    allows: 'See usage, its cost and its reports.',
    roles: [...MANAGERS, 'ANALYST', 'FINANCE'],
    scopes: REPORTING_KEYS,
  },
  'audit.read': { allows: 'See and export the audit log.', roles: ADMINS, scopes: ADMIN_KEY },
} as const satisfies Readonly<Record<string, PermissionRow>>;

export type Permission = keyof typeof PERMISSION_MATRIX;

/** In the order of the matrix. */
export const PERMISSIONS = Object.keys(PERMISSION_MATRIX) as readonly Permission[] as readonly [
  Permission,
  ...Permission[],
];

const rowOf = (permission: Permission): PermissionRow => PERMISSION_MATRIX[permission];

export function permissionsOfRole(role: SystemRole): readonly Permission[] {
  return PERMISSIONS.filter((permission) => rowOf(permission).roles.includes(role));
}

/** Without repetition. */
export function permissionsOfScopes(scopes: readonly Scope[]): readonly Permission[] {
  return PERMISSIONS.filter((permission) =>
    rowOf(permission).scopes.some((granting) => scopes.includes(granting)),
  );
}

/** What concerns an account and what is below it; everything else concerns the organization as a whole. */
const OF_ACCOUNTS: ReadonlySet<Permission> = new Set<Permission>([
  'org.read',
  'org.budget.read',
  'org.budget.write',
  'org.billing.read',
  'account.read',
  'account.write',
  'apikey.read',
  'apikey.create',
  'apikey.rotate',
  'apikey.revoke',
  'routing.write',
  'usage.read',
]);

/**
 * What a key of these scopes permits: one of an account below the root has no say in what concerns the organization as a
 * whole, whatever its scopes.
 */
export function permissionsOfKey(scopes: readonly Scope[], isOfRoot: boolean): readonly Permission[] {
  const permissions = permissionsOfScopes(scopes);
  return isOfRoot ? permissions : permissions.filter((permission) => OF_ACCOUNTS.has(permission));
}

export function isPermission(text: string): text is Permission {
  return Object.hasOwn(PERMISSION_MATRIX, text);
}

export function isSystemRole(text: string): text is SystemRole {
  return SYSTEM_ROLES.some((role) => role === text);
}

export function isScope(text: string): text is Scope {
  return SCOPES.some((scope) => scope === text);
}
