import { isPermission, isSystemRole, PERMISSIONS, type Permission } from '@weir/contracts/permission-matrix';
import { userError, type UserErrorValue } from '@weir/graphql/user-errors';
import { err, ok, type Result } from '@weir/kernel/result';
import { DISPLAY_NAME_RULE, parseDisplayName } from '../../display-name.ts';
import type { RoleErrorCode } from '../../generated/resolvers-types.ts';
import type { RoleSettings } from './role-store.ts';

export type RoleProblem = UserErrorValue<RoleErrorCode>;

export interface RoleDraft {
  readonly name: string;
  readonly description: string;
  readonly permissions: readonly string[];
}

const DESCRIPTION_LENGTH_MAX = 500;

function problemsOfName(text: string): RoleProblem[] {
  const name = parseDisplayName(text);
  if (name === undefined) return [userError('INVALID_NAME', DISPLAY_NAME_RULE, 'name')];
  if (!isSystemRole(name.toUpperCase())) return [];
  return [userError('NAME_TAKEN', `${name} is a system role: choose another name.`, 'name')];
}

function problemsOfDescription(text: string): RoleProblem[] {
  if (text.length <= DESCRIPTION_LENGTH_MAX && !/[^\P{Cc}\n]/u.test(text)) return [];
  const message = `The description must have at most ${DESCRIPTION_LENGTH_MAX} printable characters.`;
  return [userError('INVALID_DESCRIPTION', message, 'description')];
}

function problemsOfPermissions(texts: readonly string[], held: readonly Permission[]): RoleProblem[] {
  if (texts.length === 0) {
    return [userError('INVALID_PERMISSION', 'Give the role at least one permission.', 'permissions')];
  }
  const unknown = texts.find((text) => !isPermission(text));
  if (unknown !== undefined) {
    const message = `${JSON.stringify(unknown.slice(0, 64))} is no permission. See viewer.permissions for yours.`;
    return [userError('INVALID_PERMISSION', message, 'permissions')];
  }
  if (texts.includes('org.delete')) {
    const message = 'No custom role can delete the organization: only Owners can.';
    return [userError('PERMISSION_NOT_GRANTABLE', message, 'permissions')];
  }
  const above = texts.find((text) => !held.some((permission) => permission === text));
  if (above === undefined) return [];
  const message = `You do not have ${above} yourself, so you cannot give it to a role.`;
  return [userError('PERMISSION_NOT_GRANTABLE', message, 'permissions')];
}

/** @param held The permissions of whoever makes the role: it can never have more. */
export function checkRole(
  draft: RoleDraft,
  held: readonly Permission[],
): Result<RoleSettings, readonly RoleProblem[]> {
  const problems = [
    ...problemsOfName(draft.name),
    ...problemsOfDescription(draft.description),
    ...problemsOfPermissions(draft.permissions, held),
  ];
  if (problems.length > 0) return err(problems);
  return ok({
    name: draft.name.trim(),
    description: draft.description.trim(),
    permissions: PERMISSIONS.filter((permission) => draft.permissions.includes(permission)),
  });
}
