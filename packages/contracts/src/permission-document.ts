import { ACTIONS } from './actions.ts';
import { FIELD_ACCESS, PEOPLE_ONLY } from './field-access.ts';
import { markdownTable } from './markdown-table.ts';
import {
  PERMISSION_MATRIX,
  PERMISSIONS,
  permissionsOfRole,
  permissionsOfScopes,
  SCOPES,
  SYSTEM_ROLES,
  type Permission,
} from './permission-matrix.ts';
import { PLATFORM_ACTIONS, PLATFORM_MATRIX, PLATFORM_ROLES } from './platform-matrix.ts';

const code = (text: string): string => `\`${text}\``;
const titleOf = (role: string): string => role.charAt(0) + role.slice(1).toLowerCase();

function holdings<Holder extends string>(
  holders: readonly Holder[],
  permissionsOf: (holder: Holder) => readonly Permission[],
): (permission: Permission) => string[] {
  const held = holders.map((holder) => new Set(permissionsOf(holder)));
  return (permission) => held.map((permissions) => (permissions.has(permission) ? 'yes' : ''));
}

function roleTable(): string {
  const cellsOf = holdings(SYSTEM_ROLES, permissionsOfRole);
  const rows = PERMISSIONS.map((permission) => [
    code(permission),
    PERMISSION_MATRIX[permission].allows,
    ...cellsOf(permission),
  ]);
  return markdownTable(['permission', 'allows to', ...SYSTEM_ROLES.map(titleOf)], rows);
}

function scopeTable(): string {
  const cellsOf = holdings(SCOPES, (scope) => permissionsOfScopes([scope]));
  const rows = PERMISSIONS.map((permission) => [code(permission), ...cellsOf(permission)]);
  return markdownTable(['permission', ...SCOPES.map(code)], rows);
}

function actionTable(): string {
  const rows = Object.entries(ACTIONS).map(([action, { permission }]) => [code(action), code(permission)]);
  return markdownTable(['action', 'permission'], rows);
}

function platformTable(): string {
  const rows = Object.entries(PLATFORM_MATRIX).map(([permission, { allows, roles }]) => [
    code(permission),
    allows,
    ...PLATFORM_ROLES.map((role) => (roles.some((holder) => holder === role) ? 'yes' : '')),
  ]);
  return markdownTable(['permission', 'allows to', 'System administrator', 'Support'], rows);
}

function platformActionTable(): string {
  const rows = Object.entries(PLATFORM_ACTIONS).map(([action, permission]) => [
    code(action),
    code(permission),
  ]);
  return markdownTable(['action on the platform', 'permission'], rows);
}

function fieldTable(): string {
  const rows = Object.entries(FIELD_ACCESS).map(([field, access]) => [
    code(field),
    [access].flat().map(code).join(' or ') + (PEOPLE_ONLY.includes(field) ? ', people only' : ''),
  ]);
  return markdownTable(['field', 'action'], rows);
}

/** docs/permissions.md as the tables say it. */
export function permissionDocument(): string {
  return `# Permissions

Printed from the permission matrix of the code by \`npm run docs:permissions\`; change it there.

Whoever acts has permissions in one organization: a member through their role, an API key through its scopes. \`viewer.permissions\`
lists them. Everything of another organization looks as if it were not there, whatever the permissions; what is missing within one's
own is refused with the code \`FORBIDDEN\`, which names the permission.

## Roles

System roles are the same everywhere and cannot be changed. An organization adds roles of its own from the same permissions
([members](members.md)), except \`org.delete\`, which is the Owner's alone.

${roleTable()}

## API keys

What the scopes of a key permit in the management API. On the inference path \`inference:write\` calls models, and \`inference:read\` reads
models and the key's own usage.

${scopeTable()}

## The platform

People who operate the platform have these beside their membership, if they have one; no role of an organization and no key does.

${platformTable()}

## Actions

Services name an action; each demands one permission.

${actionTable()}

${platformActionTable()}

## Fields

What each field of the GraphQL API demands. \`anyone\` needs no sign-in, as what is sent proves itself; \`signedIn\` and \`person\` concern
oneself, \`person\` not for programs. All other fields come with the thing that they belong to.

${fieldTable()}
`;
}
